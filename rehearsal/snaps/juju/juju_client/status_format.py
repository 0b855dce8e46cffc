"""Rendering of a model's status: the JSON document, the table, and one line a unit.

The controller answers with the document's own structure, but with moments in seconds since the epoch;
how a moment is written depends on the reader's options and time zone.
"""

from __future__ import annotations

from . import timefmt
from .context import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _times(value: Any, *, iso: bool) -> Any:
    if isinstance(value, dict):
        return {
            key: timefmt.since(item, iso=iso) if key == "since" else _times(item, iso=iso)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_times(item, iso=iso) for item in value]
    return value


def document(raw: dict[str, Any], *, iso: bool) -> dict[str, Any]:
    """The document that ``--format json`` prints."""
    shown: dict[str, Any] = _times({k: v for k, v in raw.items() if k != "now"}, iso=iso)
    shown["controller"] = {"timestamp": timefmt.timestamp(raw["now"], iso=iso)}
    return shown


def _doing(agent: dict[str, Any]) -> str:
    message = str(agent.get("message", ""))
    if agent.get("current") == "executing" and message.startswith("running ") and message.endswith(" hook"):
        return message.removeprefix("running ").removesuffix(" hook")
    return ""


def _unit_row(name: str, unit: dict[str, Any]) -> list[str]:
    workload, agent = unit["workload-status"], unit["juju-status"]
    message = workload.get("message", "")
    if agent.get("current") == "allocating" and not message:
        message = agent.get("message", "")
    doing = _doing(agent)
    if doing:
        message = f"({doing}) {message}"
    star = "*" if unit.get("leader") else ""
    ports = ",".join(unit.get("open-ports", []))
    return [name + star, workload["current"], agent["current"], unit.get("address", ""), ports, message]


def _scale(application: dict[str, Any]) -> str:
    wanted, there = application.get("scale", 0), len(application.get("units", {}))
    return str(wanted) if there == wanted else f"{there}/{wanted}"


def tabular(shown: dict[str, Any], *, relations: bool = False) -> str:
    """The tables of the default format."""
    model = shown["model"]
    sections = [
        table(
            [
                ["Model", "Controller", "Cloud/Region", "Version", "SLA", "Timestamp"],
                [
                    model["name"],
                    model["controller"],
                    f"{model['cloud']}/{model['region']}",
                    model["version"],
                    model["sla"],
                    shown["controller"]["timestamp"],
                ],
            ]
        )
    ]
    rows = [["App", "Version", "Status", "Scale", "Charm", "Channel", "Rev", "Address", "Exposed", "Message"]]
    units = [["Unit", "Workload", "Agent", "Address", "Ports", "Message"]]
    connections: set[tuple[str, str, str]] = set()
    for name, app in sorted(shown["applications"].items()):
        current = app["application-status"]
        rows.append(
            [
                name,
                app.get("version", ""),
                current["current"],
                _scale(app),
                app["charm-name"],
                app["charm-channel"],
                str(app["charm-rev"]),
                app.get("address", ""),
                "yes" if app["exposed"] else "no",
                current.get("message", ""),
            ]
        )
        units += [_unit_row(unit, entry) for unit, entry in sorted(app.get("units", {}).items())]
        for endpoint, others in app.get("relations", {}).items():
            connections |= {(f"{name}:{endpoint}", o["related-application"], o["interface"]) for o in others}
    if len(rows) > 1:
        sections.append(table(rows, right=(3, 6)))
    if len(units) > 1:
        sections.append(table(units))
    if relations and connections:
        head = ["Integration", "Related application", "Interface"]
        sections.append(table([head, *[list(row) for row in sorted(connections)]]))
    return "\n".join(sections)


def oneline(shown: dict[str, Any]) -> str:
    """One line a unit."""
    lines = [""]
    for app in shown["applications"].values():
        for name, unit in sorted(app.get("units", {}).items()):
            agent, workload = unit["juju-status"]["current"], unit["workload-status"]["current"]
            lines.append(f"- {name}: {unit.get('address', '')} (agent:{agent}, workload:{workload})")
    return "\n".join(lines) + "\n"
