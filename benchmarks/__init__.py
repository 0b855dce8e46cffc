"""Measurements of the lab: programs that print figures. None of them judges a time."""
