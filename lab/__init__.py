"""A disposable Kubeflow lab in a Debian VM, and the tools that bring it up, look at it and take it back."""

from __future__ import annotations

__version__ = "0.1.0"
