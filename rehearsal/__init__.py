"""Builds what the offline edition "rehearsal" is made of, from Debian's packages and PyPI alone.

The lab itself never imports this package: the two meet in the bundle directory that is built here.
"""
