"""The registry of error codes: what each means, what to do about it, and its exit code."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from lab import errors
from lab.diagnose.wording import plain

CLASSES: dict[str, int | None] = {
    "bug": errors.LabError.exit_code,
    "usage": errors.UsageError.exit_code,
    "host": errors.HostError.exit_code,
    "vm": errors.VMError.exit_code,
    "network": errors.NetworkError.exit_code,
    "microk8s": errors.MicroK8sError.exit_code,
    "juju": errors.JujuError.exit_code,
    "kubeflow": errors.KubeflowError.exit_code,
    "acceptance": errors.AcceptanceError.exit_code,
    "interrupted": errors.Interrupted.exit_code,
    "step": None,
}
"""The exit code of each class; a step's failure has that of the step's layer."""

_FILE = Path(__file__).with_name("errors.yaml")


class ErrorCode(BaseModel):
    """One error code.

    Attributes:
        kind: Its class, a key of `CLASSES`.
        means: What happened, in one sentence.
        advice_markdown: What to do about it; commands stand between backticks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal[
        "bug",
        "usage",
        "host",
        "vm",
        "network",
        "microk8s",
        "juju",
        "kubeflow",
        "acceptance",
        "interrupted",
        "step",
    ] = Field(alias="class")
    means: str = Field(pattern=r"^\S.*\.$")
    advice_markdown: str = Field(alias="advice", min_length=10)

    @property
    def advice(self) -> str:
        """What to do about it, as a terminal shows it."""
        return plain(self.advice_markdown)

    @property
    def exit_code(self) -> int | None:
        """What the command line exits with; ``None`` if that depends on the step."""
        return CLASSES[self.kind]


_Code = Annotated[str, Field(pattern=r"^LAB-[A-Z0-9]+-\d{3}$")]


@functools.cache
def error_codes() -> dict[str, ErrorCode]:
    """Return every error code, in the order of the file."""
    import yaml

    data = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return TypeAdapter(dict[_Code, ErrorCode]).validate_python(data)
