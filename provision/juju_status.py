"""Answers the steps' questions about juju's JSON, with nothing but the standard library.

The guest has no jq, and the text that juju prints for people is not made for scripts. Each command
reads one JSON answer of juju on standard input, except `wait`, which asks juju itself.
"""

from __future__ import annotations

import json
import sys
import time

TYPE_CHECKING = False  # in an emulated guest each import counts
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Kept by hand: the one application whose configuration holds the login itself.
LOGIN_APPLICATION = "dex-auth"


# What others saw, too: docs/errors.md tells cause and fix of each.
KNOWN = {
    "gateway info": "KI-GATEWAY-INFO",
    "public-url": "KI-PUBLIC-URL",
    "relational-db data": "KI-DATABASE-STUCK",
    "too many open files": "KI-INOTIFY",
}


def say(text: str) -> None:
    """Print a line at once: the engine shows it while this goes on."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def read_json() -> dict[str, Any]:
    """Return the JSON object on standard input; an empty one if it is none."""
    try:
        data = json.load(sys.stdin)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


# --- what is there ------------------------------------------------------------------------------


def cloud(data: dict[str, Any], name: str) -> bool:
    """Is there a Kubernetes cloud of that name (`juju clouds --client --format json`)?"""
    return (data.get(name) or {}).get("type") in ("k8s", "kubernetes")


def controller(data: dict[str, Any], name: str) -> str:
    """Return the version of a controller that answers, else "" (`juju show-controller`).

    Of a controller that does not answer juju shows only what it remembers, if anything, and errors.
    """
    found = data.get(name) or {}
    version = str((found.get("details") or {}).get("agent-version", ""))
    return version if version[:1].isdigit() and not found.get("errors") else ""


def known_controller(data: dict[str, Any], name: str) -> bool:
    """Does the client know a controller of that name (`juju controllers`)?"""
    return name in (data.get("controllers") or {})


def model(data: dict[str, Any], name: str) -> str:
    """Return a model's life ("alive", "dying") or "" if there is none (`juju models`)."""
    for entry in data.get("models") or []:
        if name in (entry.get("short-name"), str(entry.get("name", "")).rpartition("/")[2]):
            return str(entry.get("life") or "alive")
    return ""


# --- the login ----------------------------------------------------------------------------------


def login_settings(data: dict[str, Any], application: str, url: str, credentials: str) -> dict[str, str]:
    """Return the options an application needs so that people can log in.

    Since Kubeflow 1.9 the OIDC gatekeeper has no public-url: what an application lacks is not set.
    """
    with open(credentials, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is slow to import
        pairs = [line.rstrip("\n").partition("=") for line in file]
    login = {key: value for key, _, value in pairs}
    settings = {"public-url": url} if url and "public-url" in (data.get("settings") or {}) else {}
    if application == LOGIN_APPLICATION:
        settings |= {"static-username": login["username"], "static-password": login["password"]}
    return settings


def login_file(data: dict[str, Any], application: str, url: str, credentials: str) -> str:
    """Render the options as `juju config --file` reads them: below the application's name."""
    settings = login_settings(data, application, url, credentials)
    return "\n  ".join(
        [f"{application}:", *(f"{key}: {json.dumps(value)}" for key, value in settings.items())]
    )


def login_is_set(data: dict[str, Any], *login: str) -> bool:
    """Do the options of the login have their values (`juju config APP --format json`)?"""
    actual = data.get("settings") or {}
    settings = login_settings(data, *login)
    return bool(actual) and all(
        (actual.get(key) or {}).get("value") == value for key, value in settings.items()
    )


# --- the applications ---------------------------------------------------------------------------


def states(data: dict[str, Any]) -> dict[str, str]:
    """Return each application's state: "active", or the first thing that is not, with its message.

    An application can be active while one of its units is not, so both count. Everything in juju's
    answer may be missing.
    """
    result = {}
    for name, application in sorted((data.get("applications") or {}).items()):
        units = application.get("units") or {}
        found = [application.get("application-status") or {"message": application.get("status-error", "")}]
        found += [unit.get("workload-status") or {} for unit in units.values()]
        bad = [status for status in found if status.get("current") != "active"]
        if bad:
            worst = min(bad, key=lambda status: severity(str(status.get("current", ""))))
            result[name] = f"{worst.get('current') or 'unknown'}: {worst.get('message', '')}".rstrip(": ")
        elif not units and application.get("scale", 1):
            result[name] = "waiting: no unit yet"
        else:
            result[name] = "active"
    return result


def severity(current: str) -> int:
    """Order states by how much they need attention."""
    order = ("error", "blocked", "maintenance", "waiting")
    return order.index(current) if current in order else len(order)


def units_in_error(data: dict[str, Any]) -> str:
    """Return a line for each unit whose hook failed: its name, a tab, and what Juju says of it."""
    lines = []
    for application in (data.get("applications") or {}).values():
        for name, unit in sorted((application.get("units") or {}).items()):
            for status in (unit.get("workload-status") or {}, unit.get("juju-status") or {}):
                if status.get("current") in ("error", "failed"):
                    message = " ".join(str(status.get("message") or status["current"]).split())
                    lines.append(f"{name}\t{message}")
                    break
    return "\n".join(lines)


def not_active(found: dict[str, str]) -> list[str]:
    """Name the applications that are not active, the worst first."""
    late = [name for name, state in found.items() if state != "active"]
    return sorted(late, key=lambda name: severity(word(found[name])))


def summary(found: dict[str, str]) -> str:
    """Say in one line how far the applications are."""
    late = sorted(
        (name for name, state in found.items() if state != "active"),
        key=lambda name: severity(word(found[name])),
    )
    if not late:
        return f"{len(found)}/{len(found)} all applications are active"
    named = f"{late[0]} ({found[late[0]]})" if len(late) == 1 else ", ".join(late[:3])
    more = f" and {len(late) - 3} more" if len(late) > 3 else ""
    return f"{len(found) - len(late)}/{len(found)} waiting for {named}{more}"


def word(state: str) -> str:
    """Return the state without its message."""
    return state.partition(":")[0]


def minutes(seconds: float) -> str:
    """Say a span of time for people."""
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


class Watch:
    """Follows the applications until all are active, or says which are not."""

    def __init__(self, stable: int) -> None:
        self.stable = stable
        self.in_a_row = 0
        self.since: dict[str, tuple[str, float]] = {}
        self.states: dict[str, str] = {}
        self.shown = ""

    def see(self, found: dict[str, str], now: float) -> bool:
        """Take one look; true when all have been active often enough in a row."""
        self.states = found
        for name, state in found.items():
            if self.since.get(name, ("", 0.0))[0] != word(state):
                self.since[name] = (word(state), now)
        line = summary(found)
        if line != self.shown:
            say(f"::progress {line}")
            self.shown = line
        done = bool(found) and all(state == "active" for state in found.values())
        self.in_a_row = self.in_a_row + 1 if done else 0
        return self.in_a_row >= self.stable

    def late(self, now: float) -> list[str]:
        """Describe each application that is not active, the worst first."""
        late = not_active(self.states)
        return [f"{name} {self.states[name]} (for {minutes(now - self.since[name][1])})" for name in late]


def ask(command: list[str], timeout: float) -> tuple[dict[str, str], str]:
    """Ask juju once: the applications' states, or why there is no answer."""
    import subprocess

    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
        if answer.returncode:
            return {}, answer.stderr.strip().rpartition("\n")[2] or f"exit code {answer.returncode}"
        return states(json.loads(answer.stdout)), ""
    except (subprocess.TimeoutExpired, ValueError):
        return {}, "no usable answer"


def wait(command: list[str], *, timeout: float, interval: float, stable: int) -> int:
    """Ask juju until all applications are active; 0, or 1 at the deadline.

    A failing question counts as "not yet": the controller may be busy, and an application's `error` is
    normal while it is being installed (juju tries the hook again).
    """
    end = time.monotonic() + timeout
    watch = Watch(stable)
    complaint = ""
    while True:
        found, trouble = ask(command, max(5.0, min(60.0, end - time.monotonic())))
        if trouble and trouble != complaint:
            say(f"::waiting juju to answer ({trouble})")
        complaint = trouble
        if trouble:
            watch.in_a_row = 0
        elif watch.see(found, time.monotonic()):
            return 0
        if time.monotonic() >= end:
            break
        time.sleep(interval)
    late = watch.late(time.monotonic())
    for line in late:
        say(f"not active: {line}")
        for message, issue in KNOWN.items():
            if message in line:
                say(f"::hint {line.partition(' ')[0]}: known issue {issue}, see docs/errors.md")
    if late:
        total = len(watch.states)
        what = f"{len(late)} of {total} applications are not active: {'; '.join(late[:5])}"
    else:
        what = f"juju did not say that all applications are active ({complaint or 'no applications'})"
    say(f"::error After {minutes(timeout)} {what}")
    return 1


# --- command line -------------------------------------------------------------------------------

USAGE = """\
usage: juju_status.py QUESTION [ARGUMENT...] < ANSWER-OF-JUJU
  cloud NAME | controller NAME | known-controller NAME | model NAME
  overview | units-in-error | settings KEY,...
  login-is-set APPLICATION URL CREDENTIALS | login-file APPLICATION URL CREDENTIALS
usage: juju_status.py wait SECONDS INTERVAL TIMES-IN-A-ROW JUJU STATUS...
"""


def settings(data: dict[str, Any], keys: str) -> str:
    """Return a model's settings as lines of YAML (`juju model-config`); keys separated by commas."""
    return "\n".join(f'{key}: "{(data.get(key) or {}).get("Value", "")}"' for key in keys.split(","))


def overview(data: dict[str, Any]) -> str:
    """Return lines that tell how a model and its applications are (`juju status`); "" if it does not say."""
    model = data.get("model")
    if not model:
        return ""
    found = states(data)
    done = bool(found) and all(state == "active" for state in found.values())
    lines = {
        "version": str(model.get("version", "")),
        "model": str((model.get("model-status") or {}).get("current", "")),
        "applications": " ".join(found),
        "active": f"{'yes' if done else 'no'} {summary(found)}",
    }
    return "\n".join(f"{name} {text}" for name, text in lines.items())


QUESTIONS: dict[str, Callable[..., str | bool]] = {
    "cloud": cloud,
    "controller": controller,
    "known-controller": known_controller,
    "model": model,
    "overview": overview,
    "units-in-error": units_in_error,
    "settings": settings,
    "login-is-set": login_is_set,
    "login-file": login_file,
}


def main(arguments: list[str]) -> int:
    """Answer one question: by what is printed, by the exit code (0 yes, 1 no), or by both."""
    match arguments:
        case ["wait", seconds, interval, times, *command]:
            return wait(command, timeout=float(seconds), interval=float(interval), stable=int(times))
        case [question, *rest] if question in QUESTIONS:
            answer = QUESTIONS[question](read_json(), *rest)
        case _:
            sys.stderr.write(USAGE)
            return 64
    if isinstance(answer, str) and answer:
        say(answer)
    return 0 if answer else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
