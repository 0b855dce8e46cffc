"""What the host knows of a lab."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from lab import __version__
from lab.collect.piece import Question, Said
from lab.config import CONFIG_FILE, Settings
from lab.process import Runner, run
from lab.vm import accelerator

LARGEST = 16 * 1024 * 1024
"""Bytes of a file that are taken, from its end."""

_FILES = ("*.json", "*.log", "*.lock", "lock.owner", "ssh_config", "logs/*", "reports/latest/**/*")
_PROGRAMS: Mapping[str, tuple[Sequence[str], float]] = {
    "vagrant": (("vagrant", "--version"), 30.0),
    "vagrant-plugins": (("vagrant", "plugin", "list"), 60.0),
    "qemu": (("qemu-system-x86_64", "--version"), 10.0),
    "libvirt": (("libvirtd", "--version"), 10.0),
    "ssh": (("ssh", "-V"), 10.0),
}
_VARIABLES = ("LAB_", "VAGRANT_", "XDG_")


def questions(settings: Settings, environ: Mapping[str, str], runner: Runner = run) -> list[Question]:
    """Return what to ask on the host."""
    found = [
        Question("lab/settings.json", "the settings", partial(_json, settings.model_dump(mode="json"))),
        Question("lab/environment.json", "the environment", partial(_json, _environment(environ))),
        Question("versions/lab.json", "the lab", partial(_json, _own_versions())),
        Question("versions/host-os.txt", "/etc/os-release", partial(_tail, Path("/etc/os-release"))),
        Question("versions/acceleration.txt", "lab/vm/accelerator.sh", partial(_acceleration, runner)),
    ]
    found += [
        Question(f"versions/{name}.txt", " ".join(argv), partial(_program, runner, argv, seconds))
        for name, (argv, seconds) in _PROGRAMS.items()
    ]
    found += [
        Question(f"lab/{name}", str(path), partial(_tail, path))
        for name, path in _state_files(settings).items()
    ]
    return found


def _state_files(settings: Settings) -> dict[str, Path]:
    """Return the files of the lab's state by name, without those that are there for their secrets."""
    files = {CONFIG_FILE: settings.root / CONFIG_FILE} if (settings.root / CONFIG_FILE).exists() else {}
    for pattern in _FILES:
        for path in sorted(settings.state_dir.glob(pattern)):
            if path.is_file():
                files[str(path.relative_to(settings.state_dir))] = path
    return files


def _tail(path: Path) -> Said:
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - LARGEST))
        return Said(stream.read())


def _json(data: object) -> Said:
    return Said((json.dumps(data, indent=2, default=str) + "\n").encode())


def _program(runner: Runner, argv: Sequence[str], seconds: float) -> Said:
    result = runner(argv, timeout=seconds)
    return Said((result.stdout + result.stderr).encode(), result.returncode)


def _acceleration(runner: Runner) -> Said:
    answer = accelerator.probe(runner)
    return Said(f"{answer.driver}: {answer.reason}\n".encode())


def _own_versions() -> dict[str, str]:
    return {
        "lab": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in sorted(environ.items()) if _matters(name)}


def _matters(name: str) -> bool:
    return name.startswith(_VARIABLES) or name.lower().endswith("_proxy") or name in ("LANG", "PATH")
