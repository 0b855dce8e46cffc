"""What a look at the host comes to: findings, each with a level and with what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lab.errors import HostError, LabError, NetworkError

Level = Literal["ok", "warning", "failure"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        id: Stable name of the check, such as ``memory``.
        subject: What it is grouped under.
        level: A ``failure`` means that a lab cannot come up here.
        found: What there is, in figures where there are any.
        advice: What to do; empty if all is well.
        code: The stable ID of the error; empty unless it is a failure.
    """

    id: str
    subject: str
    level: Level
    found: str
    advice: str = ""
    code: str = ""

    def error(self) -> LabError:
        """Return a failure as the error it is."""
        raises = NETWORK.raises if self.subject == NETWORK.name else HostError
        return raises(f"{self.found}.", code=self.code, hint=self.advice)


@dataclass(frozen=True)
class Subject:
    """Makes the findings of one subject.

    Attributes:
        raises: The error that a failure is.
    """

    name: str
    raises: type[LabError] = HostError

    def ok(self, id: str, found: str) -> Finding:  # noqa: A002 - what it is called in the output
        """Return that all is well."""
        return Finding(id, self.name, "ok", found)

    def warning(self, id: str, found: str, advice: str) -> Finding:  # noqa: A002
        """Return that a lab may come up, but something is not as it should be."""
        return Finding(id, self.name, "warning", found, advice)

    def failure(self, id: str, found: str, advice: str, *, code: str) -> Finding:  # noqa: A002
        """Return that a lab cannot come up."""
        return Finding(id, self.name, "failure", found, advice, code)

    def error(self, id: str, error: LabError) -> Finding:  # noqa: A002
        """Return an error as the failure that it means."""
        return self.failure(id, error.message.removesuffix("."), error.hint, code=error.code)


PLACES = Subject("places")
PROGRAMS = Subject("programs")
COMPUTER = Subject("computer")
DISK = Subject("disk")
PORTS = Subject("ports")
BUNDLE = Subject("bundle")
BOX = Subject("box")
NETWORK = Subject("network", NetworkError)


@dataclass(frozen=True)
class Report:
    """All findings, in the order in which they are worth reading."""

    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, groups: Iterable[Iterable[Finding]]) -> Report:
        """Put the findings of several checks together."""
        return cls(tuple(finding for group in groups for finding in group))

    @property
    def failures(self) -> tuple[Finding, ...]:
        """What keeps a lab from coming up."""
        return tuple(finding for finding in self.findings if finding.level == "failure")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What is worth knowing before a lab comes up."""
        return tuple(finding for finding in self.findings if finding.level == "warning")

    @property
    def exit_code(self) -> int:
        """0; 10 with failures; 30 if all of them are the network's."""
        if not self.failures:
            return 0
        codes = {finding.error().exit_code for finding in self.failures}
        return codes.pop() if len(codes) == 1 else HostError.exit_code

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain data, for ``--json``."""
        return {
            "schema": 1,
            "ok": not self.failures,
            "exit_code": self.exit_code,
            "failures": len(self.failures),
            "warnings": len(self.warnings),
            "findings": [vars(finding) for finding in self.findings],
        }
