"""An application's options, as Juju's stand-in keeps them: a Secret, mounted as one file an option.

The pod is made anew when an option changes, so reading them once at the start is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DIRECTORY = Path("/etc/lab/options")
"""Where the pods of the bundle mount the Secret."""


class OptionError(Exception):
    """An option is missing, or its value cannot be used."""


@dataclass(frozen=True)
class Options:
    """The options of an application.

    Attributes:
        values: by name; each is text, as Juju's client shows it. Passwords are among them.
    """

    values: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, directory: Path = DIRECTORY) -> Options:
        """Read the mounted Secret.

        Raises:
            OptionError: it is not mounted.
        """
        try:
            # A mounted Secret has hidden entries too, through which the kubelet changes it at one stroke.
            files = [path for path in directory.iterdir() if not path.name.startswith(".")]
            return cls({path.name: path.read_text(encoding="utf-8") for path in files})
        except OSError as error:
            raise OptionError(f"options cannot be read: {error}") from error

    def text(self, name: str) -> str:
        """Return an option, which may be empty.

        Raises:
            OptionError: it is missing.
        """
        try:
            return self.values[name]
        except KeyError:
            raise OptionError(f'there is no option "{name}"') from None

    def required(self, name: str) -> str:
        """Return an option that must not be empty.

        Raises:
            OptionError: it is missing or empty.
        """
        value = self.text(name)
        if not value:
            raise OptionError(f'option "{name}" is empty')
        return value

    def integer(self, name: str) -> int:
        """Return an option of type int.

        Raises:
            OptionError: it is missing or no number.
        """
        try:
            return int(self.text(name))
        except ValueError:
            raise OptionError(f'option "{name}" is no number: {self.text(name)!r}') from None

    def flag(self, name: str) -> bool:
        """Return an option of type boolean.

        Raises:
            OptionError: it is missing or neither true nor false.
        """
        value = self.text(name).lower()
        if value not in ("true", "false"):
            raise OptionError(f'option "{name}" is neither true nor false: {self.text(name)!r}')
        return value == "true"
