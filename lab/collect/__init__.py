"""Gathers what helps to find a fault, from host and guest, without any secret in it."""
