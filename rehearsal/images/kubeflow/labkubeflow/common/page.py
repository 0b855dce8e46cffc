"""The frame of the stand-ins' pages: no script, and the word REHEARSAL on each."""

from __future__ import annotations

from html import escape

_STYLE = """\
body { margin: 0; font: 16px/1.5 sans-serif; color: #222; background: #eef1f4; }
.rehearsal { padding: .5rem 1rem; background: #7a3e00; color: #fff; text-align: center; }
[role=alert] { padding: .5rem .75rem; color: #8b0000; background: #fdecea; border-radius: 4px; }
"""


def page(*, title: str, banner: str, style: str, body: str) -> str:
    """Return a page.

    It names its (empty) icon itself: a browser would look for one elsewhere, be sent to the login for it, and
    get another state there in place of the one that belongs to the form it shows.

    Args:
        title: the window's title, as text.
        banner: what this is not, as text.
        style: CSS beside that of all pages.
        body: HTML below the banner.
    """
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>
{_STYLE}{style}</style>
</head>
<body>
<div class="rehearsal">REHEARSAL: {escape(banner)}</div>
{body}</body>
</html>
"""
