"""A step's command line: the executor's input, and the placeholders that stand for parts of it.

Contract: kubeflow/pipelines, backend/src/v2/component/launcher_v2.go (`getPlaceholders`, `localPathForURI`)
and sdk/python/kfp/dsl/placeholders.py. There the launcher fills them in; here it is done before
the pod is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labkubeflow.pipelines.engine.values import to_text, whole
from labkubeflow.pipelines.model import Artifact, Values

METADATA_FILE = "/tmp/kfp_outputs/output_metadata.json"
PARAMETERS = "/tmp/kfp/outputs"

_PLACEHOLDER = re.compile(r"\{\{\$(?P<path>[^{}]*)\}\}")
_ESCAPE = re.compile(r"\.json_escape\[(?P<level>[0-9]+)\](?P<path>.*)")
_SCHEMES = {"minio://": "/minio/", "s3://": "/s3/", "gs://": "/gcs/"}


class UnknownPlaceholderError(Exception):
    """A placeholder stands for nothing; the text names it."""


def local_path(uri: str) -> str:
    """Return where a step finds an artifact, or has to leave it.

    Raises:
        ValueError: nothing is known of such URIs.
    """
    for scheme, directory in _SCHEMES.items():
        if uri.startswith(scheme):
            return directory + uri.removeprefix(scheme)
    raise ValueError(f"no local path for {uri}: unsupported storage scheme")


@dataclass(frozen=True)
class StepFiles:
    """A step's inputs, and where its outputs go.

    Attributes:
        artifacts: that the step makes, by name; their URIs are decided beforehand.
        parameters: names of the parameters that the step makes.
    """

    inputs: Values
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()

    def output_file(self, name: str) -> str:
        """Return where the step has to write an output parameter."""
        return f"{PARAMETERS}/{name}"

    def executor_input(self) -> dict[str, Any]:
        """Return what `{{$}}` stands for, as a JSON object (message `ExecutorInput`)."""
        inputs: dict[str, Any] = {}
        if self.inputs.parameters:
            inputs["parameterValues"] = whole(self.inputs.parameters)
        if self.inputs.artifacts:
            inputs["artifacts"] = {
                name: {"artifacts": [_runtime(artifact) for artifact in artifacts]}
                for name, artifacts in self.inputs.artifacts.items()
            }
        outputs: dict[str, Any] = {"outputFile": METADATA_FILE}
        if self.parameters:
            outputs["parameters"] = {name: {"outputFile": self.output_file(name)} for name in self.parameters}
        if self.artifacts:
            outputs["artifacts"] = {
                name: {"artifacts": [_runtime(artifact)]} for name, artifact in self.artifacts.items()
            }
        return {"inputs": inputs, "outputs": outputs} if inputs else {"outputs": outputs}

    def table(self) -> dict[str, str]:
        """Return what each placeholder stands for, by what is between `{{$` and `}}`."""
        table = {"": json.dumps(self.executor_input(), separators=(",", ":"))}
        for name, value in self.inputs.parameters.items():
            table[f".inputs.parameters['{name}']"] = to_text(value)
        for name, artifacts in self.inputs.artifacts.items():
            if artifacts:
                _add_artifact(table, f".inputs.artifacts['{name}']", artifacts[0])
        for name in self.parameters:
            table[f".outputs.parameters['{name}'].output_file"] = self.output_file(name)
        for name, artifact in self.artifacts.items():
            _add_artifact(table, f".outputs.artifacts['{name}']", artifact)
        table[".outputs.output_metadata_uri"] = METADATA_FILE
        return table


def _runtime(artifact: Artifact) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": artifact.name,
        "type": {"schemaTitle": artifact.type},
        "uri": artifact.uri,
    }
    if artifact.metadata:
        found["metadata"] = whole(artifact.metadata)
    return found


def _add_artifact(table: dict[str, str], prefix: str, artifact: Artifact) -> None:
    table[f"{prefix}.uri"] = artifact.uri
    table[f"{prefix}.path"] = local_path(artifact.uri)
    table[f"{prefix}.metadata"] = json.dumps(whole(artifact.metadata), separators=(",", ":"))
    for key, value in artifact.metadata.items():
        table[f"{prefix}.metadata['{key}']"] = to_text(value)


class CommandLine:
    """Fills in placeholders.

    Args:
        files: of the step.
        optional: names of inputs that may be missing: their placeholders are empty then.
        words: what `{{$.pipeline_job_uuid}}` and the like stand for.
    """

    def __init__(
        self, files: StepFiles, optional: Iterable[str] = (), words: Mapping[str, str] | None = None
    ):
        self._files = files
        self._table = files.table()
        self._table.update({f".{name}": text for name, text in (words or {}).items()})
        for name in optional:
            self._table.setdefault(f".inputs.parameters['{name}']", "")

    def arguments(self, words: Iterable[str]) -> list[str]:
        """Return the words of a command line.

        Raises:
            UnknownPlaceholderError: one of them stands for nothing.
        """
        filled: list[str] = []
        for word in words:
            structure = _structure(word)
            filled += [self.text(word)] if structure is None else self._structured(structure)
        return filled

    def text(self, text: str) -> str:
        """Return one text with its placeholders filled in.

        Raises:
            UnknownPlaceholderError: one of them stands for nothing.
        """
        return _PLACEHOLDER.sub(lambda match: self._value(match["path"]), text)

    def _value(self, path: str) -> str:
        if escape := _ESCAPE.fullmatch(path):
            value = self._value(escape["path"])
            for _ in range(int(escape["level"])):
                value = json.dumps(value)[1:-1]
            return value
        if path in self._table:
            return self._table[path]
        if path.startswith((".inputs.", ".outputs.")):
            raise UnknownPlaceholderError(f"the placeholder {{{{${path}}}}} stands for nothing")
        # Not ours: a step's own source may hold such a text. Upstream leaves it too.
        return f"{{{{${path}}}}}"

    def _structured(self, structure: Any) -> list[str]:
        """Return the words that a placeholder of several parts stands for."""
        if isinstance(structure, str):
            nested = _structure(structure)
            return [self.text(structure)] if nested is None else self._structured(nested)
        if isinstance(structure, list):
            return [word for item in structure for word in self._structured(item)]
        if "Concat" in structure:
            return ["".join(word for item in structure["Concat"] for word in self._structured(item))]
        condition = structure["IfPresent"]
        branch = condition.get("Then" if self._present(condition["InputName"]) else "Else", [])
        return self._structured(branch)

    def _present(self, name: str) -> bool:
        inputs = self._files.inputs
        return name in inputs.artifacts or inputs.parameters.get(name) is not None


def _structure(word: str) -> Any:
    """Return an `IfPresent` or `Concat` that the SDK has written as JSON; None for any other word."""
    if not word.startswith(('{"IfPresent"', '{"Concat"')):
        return None
    try:
        value = json.loads(word)
    except ValueError:
        return None
    return value if isinstance(value, dict) and len(value) == 1 else None
