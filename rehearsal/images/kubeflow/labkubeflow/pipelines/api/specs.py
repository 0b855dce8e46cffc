"""Compiled pipelines as files: YAML or JSON, alone or in an archive.

As upstream reads them (kubeflow/pipelines, backend/src/apiserver/server/util.go).
"""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
import zlib
from collections.abc import Iterable

import yaml

from labkubeflow.pipelines.api.errors import invalid
from labkubeflow.pipelines.model import JsonObject

LARGEST = 32 * 1024 * 1024
"""The largest file that is accepted, in bytes; upstream's limit (backend/src/apiserver/common/const.go)."""

_SUFFIXES = (".yaml", ".yml", ".json")


def read_package(name: str, data: bytes) -> JsonObject:
    """Read an uploaded file.

    Args:
        name: of the file.
        data: what is in it.

    Returns:
        The pipeline (IR); with a platform's part `{"pipeline_spec": ..., "platform_spec": ...}`.

    Raises:
        ApiError: it is not such a file, or too large.
    """
    if len(data) > LARGEST:
        raise _too_large()
    if data.startswith(b"PK\x03\x04"):
        data = _from_zip(data)
    elif data.startswith(b"\x1f\x8b"):
        data = _from_tar(data)
    elif not name.lower().endswith(_SUFFIXES):
        raise invalid("Unexpected pipeline file format. Support .zip, .tar.gz, .json or YAML")
    return _parse(data)


def _parse(data: bytes) -> JsonObject:
    try:
        documents = list(yaml.load_all(data, _loader()))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise invalid(f"the pipeline cannot be read: {error}") from error
    try:
        # YAML knows times, numbers and keys that JSON does not.
        json.dumps(documents, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise invalid(f"the pipeline has values that JSON does not have: {error}") from error
    if not 1 <= len(documents) <= 2 or not all(isinstance(item, dict) for item in documents):
        raise invalid("a pipeline file has one document, and a second one for a platform")
    if len(documents) == 1:
        first: JsonObject = documents[0]
        return first
    return {"pipeline_spec": documents[0], "platform_spec": documents[1]}


def _loader() -> type[yaml.SafeLoader]:
    # Ten times as fast, where libyaml is there.
    loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return loader


def _from_zip(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            name = _chosen(archive.namelist())
            with archive.open(name) as file:
                return _limited(file.read(LARGEST + 1))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise invalid(f"not a valid zip file: {error}") from error


def _from_tar(data: bytes) -> bytes:
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            name = _chosen(member.name for member in archive if member.isfile())
            file = archive.extractfile(name)
            return _limited(file.read(LARGEST + 1)) if file else b""
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise invalid(f"not a valid tarball file: {error}") from error


def _chosen(names: Iterable[str]) -> str:
    found = [name for name in names if name.lower().endswith((".yaml", ".yml"))]
    if "pipeline.yaml" in found:
        return "pipeline.yaml"
    if len(found) != 1:
        raise invalid(f"an archive has one YAML file, or a pipeline.yaml; this one has {len(found)}")
    return found[0]


def _limited(data: bytes) -> bytes:
    if len(data) > LARGEST:
        raise _too_large()
    return data


def _too_large() -> Exception:
    return invalid(f"File size too large. Maximum supported size: {LARGEST} bytes")
