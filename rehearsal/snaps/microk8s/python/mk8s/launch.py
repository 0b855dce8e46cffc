"""The launch configuration: a file with the addons and extra arguments of a new node.

The guest's Python has no YAML library, so that only the part of YAML such files are written in is read, and
anything else is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# Which file of arguments each section goes to.
SECTIONS = {
    "extraKubeletArgs": "kubelet",
    "extraKubeAPIServerArgs": "kube-apiserver",
    "extraKubeControllerManagerArgs": "kube-controller-manager",
    "extraKubeSchedulerArgs": "kube-scheduler",
    "extraKubeProxyArgs": "kube-proxy",
}
_TOP = re.compile(r"(\w+):\s*(.*)")
_PAIR = re.compile(r"  +(--[\w-]+):\s*(.+)")
_ITEM = re.compile(r" *(- +|  +)(name|disable|args):\s*(.+)")


class LaunchError(ValueError):
    """A launch configuration that cannot be read or honoured."""


@dataclass
class LaunchAddon:
    """An addon to enable, or to disable."""

    name: str = ""
    disable: bool = False
    arguments: list[str] = field(default_factory=list)


@dataclass
class LaunchConfig:
    """What a launch configuration asks for; extra arguments by the file they belong to."""

    addons: list[LaunchAddon] = field(default_factory=list)
    arguments: dict[str, dict[str, str]] = field(default_factory=dict)


def _scalar(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if text[:1] in ("{", "[", "|", ">", "&", "*"):
        raise LaunchError(f"unsupported value {text}")
    return text


def _sequence(text: str) -> list[str]:
    if not (text.startswith("[") and text.endswith("]")):
        raise LaunchError(f"args must be a list in one line: {text}")
    return [_scalar(part) for part in text[1:-1].split(",") if part.strip()]


def _add_item(addons: list[LaunchAddon], start: bool, key: str, value: str) -> None:
    if start:
        addons.append(LaunchAddon())
    elif not addons:
        raise LaunchError(f"{key} outside of an addon")
    if key == "name":
        addons[-1].name = _scalar(value)
    elif key == "disable":
        addons[-1].disable = _scalar(value).lower() == "true"
    else:
        addons[-1].arguments = _sequence(value.strip())


def parse(text: str) -> LaunchConfig:
    """Reads a launch configuration.

    Raises:
        LaunchError: it has something this stand-in does not know.
    """
    config = LaunchConfig()
    section = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", raw).rstrip()
        if line in ("", "---"):
            continue
        try:
            if top := _TOP.fullmatch(line):
                section, value = top.groups()
                if section not in ("version", "addons", *SECTIONS):
                    raise LaunchError(f"{section} is not supported here")
                if section != "version" and value:
                    raise LaunchError(f"{section} must be written over several lines")
            elif section == "addons" and (item := _ITEM.fullmatch(line)):
                _add_item(config.addons, item[1].startswith("-"), item[2], item[3])
            elif section in SECTIONS and (pair := _PAIR.fullmatch(line)):
                config.arguments.setdefault(SECTIONS[section], {})[pair[1]] = _scalar(pair[2])
            else:
                raise LaunchError(f"cannot read {line.strip()!r}")
        except LaunchError as error:
            raise LaunchError(f"launch configuration, line {number}: {error}") from None
    if any(not addon.name for addon in config.addons):
        raise LaunchError("launch configuration: an addon has no name")
    return config
