"""Lets the package be run: ``python -m lab``."""

from __future__ import annotations

from lab.cli import main

main(program="python -m lab")
