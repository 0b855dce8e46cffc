"""The same words for a document and for a terminal."""

from __future__ import annotations


def plain(markdown: str) -> str:
    """Return a sentence without its backticks, so that a command can be copied from a terminal."""
    return markdown.replace("`", "")


def cell(markdown: str) -> str:
    """Return a sentence as a cell of a table in Markdown."""
    return markdown.replace("|", "\\|")
