"""The lab's virtual machine, through Vagrant."""

from __future__ import annotations

from lab.vm.machine import Machine

__all__ = ["Machine"]
