"""The pages, as plain HTML. All text that is not ours is escaped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title} - Pipelines (REHEARSAL)</title>
<style>
body {{ font-family: sans-serif; margin: 2em; max-width: 80em }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: .3em .8em .3em 0; border-bottom: 1px solid #ccc }}
td, pre {{ overflow-wrap: anywhere }}
.note {{ color: #666 }}
.FAILED {{ color: #b00020 }}
.SUCCEEDED {{ color: #006b3c }}
</style>
</head>
<body>
<p class="note">REHEARSAL: this stands in for Kubeflow Pipelines. <a href="/">Dashboard</a>,
<a href="/pipeline/">runs</a></p>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def page(title: str, body: str) -> str:
    """Return a page.

    Args:
        title: plain text.
        body: HTML.
    """
    return _PAGE.format(title=escape(title), body=body)


def runs_page(namespaces: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the page with the runs of each namespace, as API v2beta1 tells them."""
    parts = []
    for namespace, runs in sorted(namespaces.items()):
        parts.append(f"<h2>{escape(namespace)}</h2>")
        if not runs:
            parts.append('<p class="note">No runs.</p>')
            continue
        parts.append(_table(("Run", "State", "Created", "Finished"), [_run_row(run) for run in runs]))
    if not parts:
        parts.append('<p class="note">You have no namespace in which you may see runs.</p>')
    return page("Runs", "\n".join(parts))


def run_page(run: Mapping[str, Any]) -> str:
    """Return the page about one run, as `/apis/rehearsal/runs/ID` tells it."""
    facts = [
        ["Namespace", escape(run["namespace"])],
        ["ID", escape(run["run_id"])],
        ["State", _state(run["state"])],
        ["Created", _time(run["created_at"])],
        ["Finished", _time(run["finished_at"])],
        ["Parameters", _parameters(run["parameters"])],
    ]
    if run["error"]:
        facts.append(["Error", escape(run["error"])])
    rows = [_task_row(task, depth) for task, depth in tree(run["tasks"])]
    heads = ("Task", "State", "Pod", "Inputs", "Outputs", "Error")
    tasks = _table(heads, rows) if rows else '<p class="note">None yet.</p>'
    return page(f"Run {run['display_name']}", f"{_table((), facts)}\n<h2>Tasks</h2>\n{tasks}")


def tree(tasks: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int]]:
    """Return tasks with how deep they are, each one after its parent."""
    children: dict[str, list[Mapping[str, Any]]] = {}
    for task in tasks:
        children.setdefault(task["parent_task_id"], []).append(task)
    found: list[tuple[Mapping[str, Any], int]] = []
    waiting = [(task, 0) for task in reversed(children.get("", []))]
    while waiting:
        task, depth = waiting.pop()
        found.append((task, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(task["task_id"], []))]
    return found


def _run_row(run: Mapping[str, Any]) -> list[str]:
    link = f'<a href="/pipeline/runs/{escape(run["run_id"])}">{escape(run["display_name"])}</a>'
    finished = run["finished_at"]
    return [
        link,
        _state(run["state"]),
        escape(run["created_at"]),
        # The API has 1970 for what has not come.
        "" if finished.startswith("1970-") else escape(finished),
    ]


def _task_row(task: Mapping[str, Any], depth: int) -> list[str]:
    name = f'<span style="padding-left: {depth * 20}px">{escape(task["display_name"])}</span>'
    state = _state(task["state"]) + (" (cached)" if task["cached"] else "")
    values = [
        _parameters(task[side]["parameters"]) + _artifacts(task[side]["artifacts"])
        for side in ("inputs", "outputs")
    ]
    return [name, state, escape(task["pod_name"]), *values, escape(task["error"])]


def _parameters(parameters: Mapping[str, Any]) -> str:
    return "".join(
        f"{escape(name)} = {escape(json.dumps(value, ensure_ascii=False))}<br>"
        for name, value in sorted(parameters.items())
    )


def _artifacts(artifacts: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    return "".join(
        f"{escape(name)}: {escape(artifact['uri'])} ({escape(artifact['type'])})<br>"
        for name, found in sorted(artifacts.items())
        for artifact in found
    )


def _state(state: str) -> str:
    return f'<span class="{escape(state)}">{escape(state)}</span>'


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if seconds else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "<tr>" + "".join(f"<th>{escape(text)}</th>" for text in heads) + "</tr>" if heads else ""
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>\n{head}\n{body}\n</table>"
