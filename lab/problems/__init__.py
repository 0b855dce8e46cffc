"""What matters in a lab's logs and in its VM when something is wrong."""

from __future__ import annotations
