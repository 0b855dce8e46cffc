"""Asks the guest everything that the status needs, in one round trip."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lab.outcome import last_lines
from lab.transport.base import CommandTimeout, Transport

TIMEOUT = 75.0
"""Seconds for the whole; each question has a shorter deadline of its own in the script."""

NOT_INSTALLED = 127
TIMED_OUT = (124, 137)

_SCRIPT = Path(__file__).with_name("guest.sh")


@dataclass(frozen=True)
class Answer:
    """What one program in the guest said."""

    returncode: int
    stdout: str = ""
    stderr: str = ""

    @property
    def ok(self) -> bool:
        """Whether the program ended with exit code 0."""
        return self.returncode == 0

    @property
    def problem(self) -> str:
        """One line that says why there is no good answer."""
        if self.returncode in TIMED_OUT:
            return "it did not answer in time"
        text = last_lines(self.stderr, 1) or last_lines(self.stdout, 1)
        return text.strip() or f"it ended with exit code {self.returncode}"


@dataclass(frozen=True)
class Facts:
    """All answers by name. A question that was not asked has none."""

    answers: Mapping[str, Answer] = field(default_factory=dict)

    def get(self, name: str) -> Answer:
        """Return an answer; one that says so if the question was not asked."""
        return self.answers.get(name, Answer(NOT_INSTALLED, "", "it was not asked"))

    def along_with(self, answers: Mapping[str, Answer]) -> Facts:
        """Return these answers and those."""
        return Facts({**self.answers, **answers})

    def text(self, name: str) -> str:
        """Return an answer's standard output, empty unless the program succeeded."""
        answer = self.get(name)
        return answer.stdout if answer.ok else ""


Depth = Literal["known", "quick", "full"]
"""How much Kubernetes is asked in the guest: nothing, since all is well with it; its own objects; and, in any
case, MicroK8s itself for its addons."""


def ask(transport: Transport, controller: str, model: str, *, kubernetes: Depth) -> Facts:
    """Run the script in the guest and return its answers.

    Args:
        transport: The way into the guest.
        controller: Juju's name of the controller.
        model: Juju's name of the model.
        kubernetes: How much Kubernetes is asked.

    Raises:
        LabError: The guest did not answer.
    """
    return ask_script(transport, _SCRIPT, controller, model, kubernetes)


def ask_script(transport: Transport, script: Path, *arguments: str) -> Facts:
    """Run a script that answers in the form of ``guest.sh`` and return its answers.

    Raises:
        LabError: The guest did not answer.
    """
    mark = f"@@{secrets.token_hex(8)}"
    command = shlex.join(["bash", "-s", "--", mark, *arguments])
    try:
        result = transport.run(command, timeout=TIMEOUT, input=script.read_text(encoding="utf-8"))
    except CommandTimeout:
        # What it had said by then are answers, Juju's passwords among them.
        raise CommandTimeout(
            f"it did not tell its state within {TIMEOUT:.0f} s",
            code="LAB-VM-209",
            hint="It may be very busy: ask again in a minute. If it stays so: python -m lab heal",
        ) from None
    return Facts(dict(_split(result.check().stdout, mark)))


def _split(text: str, mark: str) -> Iterator[tuple[str, Answer]]:
    """Take the script's output apart: each chunk starts with ``NAME EXIT-CODE`` or ``NAME stderr``."""
    chunks = text.split(f"\n{mark} ")[1:]
    for out, err in zip(chunks[::2], chunks[1::2], strict=True):
        head, _, stdout = out.partition("\n")
        name, _, returncode = head.partition(" ")
        yield name, Answer(int(returncode), stdout, err.partition("\n")[2])
