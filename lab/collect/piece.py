"""One piece of evidence, and how pieces are asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from lab.errors import LabError
from lab.report.tasks import Task

WORKERS = 4
"""How many questions are open at a time; an SSH server takes ten."""


@dataclass(frozen=True)
class Said:
    """What somebody answered.

    Attributes:
        data: The answer, with its secrets.
        returncode: What the command ended with, if it was one.
    """

    data: bytes
    returncode: int | None = None


@dataclass(frozen=True)
class Question:
    """Something to be asked.

    Attributes:
        name: The file in the archive that the answer is for.
        source: The command, or the file, that the answer comes from.
        ask: Asks; has a deadline of its own.
    """

    name: str
    source: str
    ask: Callable[[], Said]


@dataclass(frozen=True)
class Piece:
    """An answer, or why there is none.

    Attributes:
        name: Its file in the archive.
        source: The command, or the file, that it comes from.
        data: What was answered.
        returncode: What the command ended with, if it was one.
        seconds: How long it took.
        problem: Why there is no answer; empty if there is one.
    """

    name: str
    source: str
    data: bytes = b""
    returncode: int | None = None
    seconds: float = 0.0
    problem: str = ""


def ask(question: Question) -> Piece:
    """Ask. That there is no answer is told in its place, and never raised."""
    started = time.monotonic()
    try:
        said = question.ask()
    except LabError as error:
        problem = error.message
    except (OSError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
    else:
        seconds = time.monotonic() - started
        return Piece(question.name, question.source, said.data, said.returncode, seconds)
    return Piece(question.name, question.source, seconds=time.monotonic() - started, problem=problem)


def ask_all(questions: Sequence[Question], task: Task, *, timeout: float) -> list[Piece]:
    """Ask several at a time, and return the answers in the questions' order.

    Args:
        questions: What to ask.
        task: Is told how far it is.
        timeout: Seconds after which no more is waited for; what is still open then has no answer.
    """
    deadline = time.monotonic() + timeout
    threads = ThreadPoolExecutor(WORKERS)
    try:
        answers = [threads.submit(ask, question) for question in questions]
        while waiting := [answer for answer in answers if not answer.done()]:
            first = questions[answers.index(waiting[0])].name
            task.progress(len(questions) - len(waiting), len(questions), first)
            left = deadline - time.monotonic()
            if left <= 0:
                break
            wait(waiting, left, return_when="FIRST_COMPLETED")
        return [_answer(question, answer) for question, answer in zip(questions, answers, strict=True)]
    finally:
        # Whoever still waits for the guest ends with the connection.
        threads.shutdown(wait=False, cancel_futures=True)


def no_answers(commands: Mapping[str, str], problem: str) -> list[Piece]:
    """Return why none of the commands can be run, in the place of the answers."""
    return [Piece(name, command, problem=problem) for name, command in commands.items()]


def _answer(question: Question, answer: Future[Piece]) -> Piece:
    if answer.done():
        return answer.result()
    return Piece(question.name, question.source, problem="there was no time left for it")
