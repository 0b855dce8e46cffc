"""The lab's errors: one root, a stable ID each, what to do about it, and the exit code of their layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path


BUG = "LAB-BUG-001"
"""The code of what should not have happened: a mistake in the lab itself."""

INTERRUPTED = "LAB-INT-001"
"""The code of an interruption."""


class LabError(Exception):
    """Something the user has to know, said in one sentence.

    Attributes:
        message: One sentence saying what happened.
        code: Stable ID, to search for; lab/diagnose/errors.yaml lists them all.
        hint: What to do about it; empty if there is nothing to advise.
        log: The file with the details, if there is one.
        exit_code: What the command line exits with.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, code: str, hint: str = "", log: Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.log = log

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class UsageError(LabError):
    """A bad option, configuration file, edition or name."""

    exit_code = 2


class HostError(LabError):
    """Something is missing or broken on the host."""

    exit_code = 10


class VMError(LabError):
    """The virtual machine, or Vagrant, failed."""

    exit_code = 20


class NetworkError(LabError):
    """A network service, such as the snap store, cannot be reached."""

    exit_code = 30


class MicroK8sError(LabError):
    """MicroK8s is not there, or does not work."""

    exit_code = 40


class JujuError(LabError):
    """The Juju client, controller or model failed."""

    exit_code = 50


class KubeflowError(LabError):
    """An application of the bundle did not get ready."""

    exit_code = 60


class AcceptanceError(LabError):
    """The acceptance suite found something wrong."""

    exit_code = 70


class Interrupted(LabError):  # noqa: N818 - an interruption is no failure of the lab
    """The user pressed Ctrl-C, or the process was asked to end."""

    exit_code = 130


LAYER_ERRORS: dict[str, type[LabError]] = {
    "host": HostError,
    "vm": VMError,
    "network": NetworkError,
    "microk8s": MicroK8sError,
    "juju": JujuError,
    "kubeflow": KubeflowError,
}
"""The error class of each layer that a step may name in its header."""
