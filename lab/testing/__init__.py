"""What the acceptance suite stands on: a pytest plugin, and the session that tox runs."""

from __future__ import annotations
