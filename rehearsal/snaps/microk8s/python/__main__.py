"""Starts the program when Python is given this directory."""

from __future__ import annotations

import signal
import sys

from mk8s.cli import main

# A reader that went away (`microk8s status | head`) is no reason for a traceback.
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
sys.exit(main(sys.argv[1:]))
