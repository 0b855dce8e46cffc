"""Gathers all pieces, whatever state the lab is in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lab.collect import guest, inspection, pods, secret_values
from lab.collect.archive import pack
from lab.collect.piece import Piece, Question, Said, ask, ask_all, no_answers
from lab.config import Settings
from lab.errors import LabError
from lab.masking import Mask
from lab.probes import status
from lab.report.tasks import Task, Tasks
from lab.transport.base import Transport

TASKS = 9
HOST_SECONDS = 120.0
GUEST_SECONDS = 600.0
"""Seconds for all that the guest is asked; one that hangs does not answer at all."""


@dataclass(frozen=True)
class Doors:
    """The ways out of this process, so that tests can stand in their place.

    Attributes:
        state: Says how the machine is, as Vagrant calls it.
        connect: Logs in to the machine.
        environ: The environment.
        host: What to ask on the host.
    """

    state: Callable[[], str]
    connect: Callable[[], Transport]
    environ: Mapping[str, str]
    host: Callable[[], Sequence[Question]]


@dataclass(frozen=True)
class Collection:
    """What came of it.

    Attributes:
        path: The archive.
        files: How many files are in it.
        missing: What could not be had.
        all_known: Whether all secrets of the lab were known, or only those that look like one.
    """

    path: Path
    files: int
    missing: tuple[Piece, ...]
    all_known: bool


class Collector:
    """Gathers the pieces of one lab."""

    def __init__(self, settings: Settings, ways: Doors, tasks: Tasks) -> None:
        """Prepare, without asking anybody yet.

        Args:
            settings: The lab.
            ways: The ways out.
            tasks: `TASKS` of them will be carried out.
        """
        self._settings = settings
        self._doors = ways
        self._tasks = tasks
        self._pieces: list[Piece] = []
        self._secrets: set[str] = set()
        self._all_known = False
        self._transport: Transport | None = None
        self._why = ""
        self._deadline = 0.0

    def collect(self, path: Path) -> Collection:
        """Gather everything and pack it.

        Args:
            path: The archive.

        Raises:
            OSError: The archive cannot be written.
        """
        with self._tasks.task("host", "Logs, settings and versions of the host") as task:
            self._secrets |= secret_values.of_host(self._settings, self._doors.environ)
            self._pieces += ask_all(self._doors.host(), task, timeout=HOST_SECONDS)
        try:
            state = self._log_in()
            self._learn()
            self._ask_guest(state)
        finally:
            # It also ends what still waits for an answer.
            if self._transport is not None:
                self._transport.close()
        with self._tasks.task("pack", "Hide the secrets and pack"):
            pack(path, self._pieces, Mask(self._secrets), self._settings, now=datetime.now(UTC))
        missing = tuple(piece for piece in self._pieces if piece.problem)
        return Collection(path, len(self._pieces) - len(missing), missing, self._all_known)

    def _log_in(self) -> str:
        with self._tasks.task("login", "Log in to the VM"):
            try:
                state = self._doors.state()
                if state == status.RUNNING:
                    self._transport = self._doors.connect()
                else:
                    self._why = f"the VM is {state.replace('_', ' ')}"
            except LabError as error:
                state, self._why = status.RUNNING, f"the VM does not answer: {error.message}"
            self._deadline = time.monotonic() + GUEST_SECONDS
            return state

    def _learn(self) -> None:
        """Find out what has to be hidden, before anything else is asked."""
        with self._tasks.task("secrets", "Learn what has to be hidden"):
            self._all_known = self._transport is not None
            for find in (secret_values.of_files, secret_values.of_kubernetes):
                try:
                    if self._transport is not None:
                        self._secrets |= find(self._transport, self._settings)
                except (LabError, ValueError):
                    # What looks like a secret is still hidden.
                    self._all_known = False

    def _ask_guest(self, state: str) -> None:
        with self._tasks.task("status", "Status of the lab"):
            self._pieces.append(ask(Question("lab/status.json", "lab status", lambda: self._status(state))))
        with self._tasks.task("system", "System of the VM") as task:
            self._ask(task, guest.SYSTEM)
        with self._tasks.task("kubernetes", "MicroK8s and Kubernetes") as task:
            self._ask(task, guest.KUBERNETES)
            self._ask_pods(task)
        with self._tasks.task("juju", "Juju") as task:
            self._ask(task, guest.juju(self._settings))
        with self._tasks.task("inspect", "microk8s inspect") as task:
            task.waiting("the report of microk8s inspect")
            self._inspect(task)

    def _ask(self, task: Task, commands: Mapping[str, str]) -> None:
        if self._transport is None:
            self._pieces += no_answers(commands, self._why)
            return
        left = max(0.0, self._deadline - time.monotonic())
        pieces = ask_all(guest.questions(self._transport, commands), task, timeout=left)
        self._pieces += pieces
        if pieces and all(piece.problem for piece in pieces):
            # Nobody waits for each further deadline of a guest that hangs.
            self._transport.close()
            self._transport, self._why = None, "the VM no longer answers"

    def _ask_pods(self, task: Task) -> None:
        name = "pods/not-ready"
        if self._transport is None:
            self._pieces.append(Piece(name, guest.KUBECTL, problem=self._why))
            return
        try:
            commands = pods.commands(self._transport)
        except (LabError, ValueError) as error:
            problem = error.message if isinstance(error, LabError) else str(error)
            self._pieces.append(Piece(name, guest.KUBECTL, problem=problem))
            return
        self._ask(task, commands)

    def _inspect(self, task: Task) -> None:
        if self._transport is None:
            self._pieces += no_answers({inspection.NAME: inspection.COMMAND}, self._why)
            return
        transport = self._transport
        question = Question(inspection.NAME, inspection.COMMAND, lambda: Said(inspection.fetch(transport)))
        [report] = ask_all([question], task, timeout=max(0.0, self._deadline - time.monotonic()))
        try:
            self._pieces += [report] if report.problem else inspection.unpack(report)
        except OSError as error:
            self._pieces.append(replace(report, problem=str(error)))

    def _status(self, state: str) -> Said:
        found = status.collect(self._transport, state, self._settings)
        return Said((json.dumps(found.to_dict(), indent=2) + "\n").encode())
