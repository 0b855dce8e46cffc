"""Where the lab is kept: home directory, checkout, the letters of its path, locale."""

from __future__ import annotations

import locale
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.config import Settings
from lab.probes.host.disk import writable
from lab.probes.host.finding import PLACES, Finding

_SSH_MARKS = ('"', "%", "${")
"""What the client of SSH does not take as it is in the path of a key."""


@dataclass(frozen=True)
class User:
    """Who runs the lab, as the system knows them."""

    uid: int
    name: str
    home: str


def read_user() -> User:
    """Return the user of this process."""
    if not hasattr(os, "getuid"):
        return User(0, os.environ.get("USERNAME", ""), str(Path.home()))
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return User(os.getuid(), str(os.getuid()), "")
    return User(entry.pw_uid, entry.pw_name, entry.pw_dir)


def home(environ: Mapping[str, str], user: User) -> Iterator[Finding]:
    """Look at HOME, where Vagrant and libvirt keep what is theirs."""
    value = environ.get("HOME") or (environ.get("USERPROFILE", "") if os.name == "nt" else "")
    if not value:
        yield PLACES.failure(
            "home",
            "HOME is not set, and Vagrant and libvirt keep their files there",
            f"Set it: export HOME={user.home or '/a/directory/of/yours'}",
            code="LAB-HOST-123",
        )
        return
    path = Path(value)
    if not path.is_dir() or not writable(path):
        what = "cannot be written to" if path.is_dir() else "is no directory"
        yield PLACES.failure(
            "home",
            f"HOME is {value}, which {what}",
            f"Set HOME to a directory of yours{f', such as {user.home}' if user.home != value else ''}.",
            code="LAB-HOST-123",
        )
    elif hasattr(os, "getuid") and path.stat().st_uid != user.uid:
        yield PLACES.warning(
            "home",
            f"HOME is {value}, which belongs to another user than {user.name}",
            "What Vagrant writes there its owner cannot change later. Use sudo -H, or no sudo at all.",
        )
    else:
        yield PLACES.ok("home", value)


def checkout(settings: Settings) -> Iterator[Finding]:
    """Look whether the lab can keep its state in the checkout."""
    for path in (settings.root, settings.state_dir, settings.root / ".vagrant"):
        if not writable(path):
            yield PLACES.failure(
                "checkout",
                f"The lab cannot keep its state in {path}: {_why_not(path)}",
                "Take a checkout of your own, on a file system that can be written to.",
                code="LAB-HOST-124",
            )
            return
    yield PLACES.ok("checkout", f"{settings.root} can be written to")


def _why_not(path: Path) -> str:
    if not path.exists():
        return "it cannot be made"
    if os.name != "nt" and os.statvfs(path).f_flag & os.ST_RDONLY:
        return "its file system can only be read"
    return f"it belongs to {path.owner()}"


def letters(root: Path) -> Iterator[Finding]:
    """Look at the letters of the checkout's path."""
    text = str(root)
    # What is not UTF-8 comes as lone surrogates, which cannot be printed as they are.
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if text != shown or not text.isprintable():
        yield PLACES.warning(
            "path",
            f"the checkout's path has bytes that are no letters: {shown!r}",
            "Move the checkout to a path of ordinary letters: Vagrant and make are likely to fail.",
        )
    elif found := [mark for mark in _SSH_MARKS if mark in text]:
        yield PLACES.warning(
            "path",
            f"the checkout's path has {' and '.join(found)}: {text}",
            "Move the checkout: SSH takes that for a mark of its own, so lab ssh and lab exec do not work.",
        )
    elif ":" in text and os.name != "nt":
        yield PLACES.warning(
            "path",
            f"the checkout's path has a colon: {text}",
            "Move the checkout: Python makes no environment (.venv) in such a path.",
        )
    else:
        odd = sorted(
            {letter for letter in text if not (letter.isascii() and (letter.isalnum() or letter in "/._-~+"))}
        )
        yield PLACES.ok(
            "path",
            f"odd characters, which do no harm: {' '.join(map(repr, odd))}" if odd else "plain letters",
        )


def language(environ: Mapping[str, str], root: Path, known: Callable[[], object]) -> Iterator[Finding]:
    """Look at the locale.

    Args:
        environ: The environment.
        root: The checkout.
        known: Raises `locale.Error` if the locale is not installed.
    """
    name = next((environ[key] for key in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(key)), "C")
    cure = "Set another: export LC_ALL=C.UTF-8"
    try:
        known()
    except locale.Error:
        yield PLACES.warning("locale", f"{name} is not installed", cure)
        return
    if "utf" not in name.lower() and not str(root).isascii():
        yield PLACES.warning(
            "locale", f"{name} is not UTF-8, and the checkout's path has letters beyond ASCII", cure
        )
    else:
        yield PLACES.ok("locale", name)


def installed_locale() -> None:
    """Raise `locale.Error` if the locale of the environment is not installed."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "")
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
