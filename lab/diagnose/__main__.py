"""Prints ``docs/errors.md``: ``python -m lab.diagnose > docs/errors.md``."""

from __future__ import annotations

import sys

from lab.diagnose.document import document

sys.stdout.write(document())
