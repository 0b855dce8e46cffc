"""States of a machine, as Vagrant and its providers name them."""

from __future__ import annotations

NOT_CREATED = "not_created"
RUNNING = "running"
SAVED = "saved"
"""Suspended: its memory is in a file."""

STOPPED = frozenset({NOT_CREATED, SAVED, "shutoff", "poweroff", "crashed", "aborted"})
"""Those, of libvirt and VirtualBox, in which it will not answer until somebody starts it.

One that reboots says that it runs.
"""

SWITCHED_OFF = "Halting domain..."
"""Said when a machine has not shut down by itself in time (vagrant-libvirt locales/en.yml, halt_domain)."""
