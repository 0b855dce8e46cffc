"""The command that runs the acceptance suite on a lab: test."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping

import click

from lab.cli.request import Request, common_options
from lab.errors import AcceptanceError, HostError, UsageError

_NEEDED = ("pytest", "pytest_html", "pytest_timeout", "testinfra", "kubernetes", "requests")

# pytest's own exit codes (its documentation, reference/exit-codes) by what they are to the lab.
_USAGE = UsageError.exit_code
_CODES: Mapping[int, int] = {0: 0, 1: AcceptanceError.exit_code, 2: _USAGE, 3: 1, 4: _USAGE, 130: 130}
_NOTHING_CHOSEN = 5


@click.command(
    "test",
    context_settings={"ignore_unknown_options": True},
    epilog="""
\b
Examples:
  python -m lab test                      everything
  python -m lab test -m katib             one component
  python -m lab test -m 'login or profiles' -x
  python -m lab test --last-failed        what failed the last time
""",
)
@click.option("-m", "marker", metavar="MARKER", help="Only tests of this component; see above.")
@click.option("-k", "words", metavar="EXPRESSION", help="Only tests whose names fit.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENTS]...")
@common_options
@click.pass_obj
def test(request: Request, marker: str | None, words: str | None, arguments: tuple[str, ...]) -> int:
    """Run the acceptance suite on the lab: proof by use.

    Components: machine, microk8s, juju, login, profiles, pipelines, katib, reboot. Whatever else stands
    there reaches pytest as it is.

    Exit codes: 0 all passed, 70 a component failed, 2 there is no lab that could be tested, or nothing was
    chosen. The reports are in .lab/NAME/reports/latest/.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise HostError(
            f"The acceptance suite is not installed: {', '.join(missing)} cannot be found.",
            code="LAB-HOST-025",
            hint="scripts/setup-host.sh, or: pip install -c constraints.txt -e '.[acceptance]'",
        )
    from lab.testing.session import main

    settings = request.settings()
    environ = {**os.environ, "LAB_NAME": settings.name}
    if "edition" in request.overrides:
        environ["LAB_EDITION"] = str(request.overrides["edition"])
    chosen = [*(["-m", marker] if marker else []), *(["-k", words] if words else [])]
    return _outcome(main([*chosen, *arguments], environ, root=settings.root))


def _outcome(code: int) -> int:
    if code == _NOTHING_CHOSEN:
        raise UsageError(
            "No test was chosen.",
            code="LAB-TEST-005",
            hint="'python -m lab test --help' lists the components; -k looks at the names of tests.",
        )
    return _CODES.get(code, 1)
