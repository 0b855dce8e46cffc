"""Starts the program when Python is given this directory."""

from __future__ import annotations

import sys

from mk8s.cli import main

sys.exit(main(sys.argv[1:]))
