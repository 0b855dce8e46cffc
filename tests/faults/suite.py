"""The acceptance suite at work in a process of its own: which test it is at, and how each one ended."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.faults.background import running

END_SECONDS = 60.0
_TEST = re.compile(r"^(?:\S*/)?test_\w+\.py::.*?(?= (?:PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b| $|$)")


@dataclass(frozen=True)
class Suite:
    """A run of the suite, which tells of each test when it begins.

    Attributes:
        process: The run.
        output: The file with all that it says.
        junit: Where its report will be.
    """

    process: subprocess.Popen[bytes]
    output: Path
    junit: Path

    @property
    def exit_code(self) -> int | None:
        """What it ended with; ``None`` while it runs."""
        return self.process.poll()

    @property
    def current(self) -> str:
        """The test that it began last; empty before the first one."""
        found = [match[0] for line in self.said().splitlines() if (match := _TEST.match(line))]
        return found[-1].strip() if found else ""

    def said(self) -> str:
        """Return all that it has said."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def failures(self) -> Mapping[str, str]:
        """Return the class of each failure by the test's name; of a suite that has ended."""
        found = {}
        for case in ElementTree.parse(self.junit).iter("testcase"):  # noqa: S314 - the suite wrote it
            if case.find("failure") is not None or case.find("error") is not None:
                properties = {item.get("name"): item.get("value") for item in case.iter("property")}
                found[str(case.get("name"))] = str(properties.get("failure_class") or "")
        return found


@contextlib.contextmanager
def run_suite(argv: Sequence[str], *, cwd: Path, directory: Path) -> Iterator[Suite]:
    """Run the suite until the block ends; what is left of it then is stopped.

    Args:
        argv: The command that runs it, which takes arguments of pytest.
        cwd: Where to run it.
        directory: Where its output and its report go.
    """
    output, junit = directory / "suite.log", directory / "junit.xml"
    junit.unlink(missing_ok=True)
    # As Ctrl-C does: the suite cleans up first.
    with running(
        [*argv, "-v", f"--junitxml={junit}"],
        cwd=cwd,
        output=output,
        ending=signal.SIGINT,
        seconds=END_SECONDS,
    ) as process:
        yield Suite(process, output, junit)
