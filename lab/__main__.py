"""Lets the package be run: ``python -m lab``."""

from __future__ import annotations

import sys

from lab.python import missing

try:
    from lab.cli import main
except ModuleNotFoundError as error:
    told = missing(error)
    if told is None:
        raise
    sys.stderr.write(f"{told}\nWhat to do: {told.hint}\n")
    sys.exit(told.exit_code)

main(program="python -m lab")
