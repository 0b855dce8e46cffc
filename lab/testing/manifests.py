"""Reads the suite's manifests: plain YAML with a few ``${placeholders}``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

import yaml

from lab.testing.kube import Object

RUN_LABEL = "kubeflow-lab.dev/run"
"""The label on everything that a run of the suite creates; its value is the run's id."""


def load(path: Path, *, namespace: str, run: str, images: Mapping[str, str]) -> list[Object]:
    """Return the objects in a manifest.

    Args:
        path: The file.
        namespace: Stands in for ``${namespace}``.
        run: Stands in for ``${run}``, the value of the run label.
        images: Stand in for ``${image_NAME}``.

    Raises:
        KeyError: The file has some other placeholder.
        ValueError: An object has no run label, or another namespace than the test's.
    """
    values = {"namespace": namespace, "run": run, **{f"image_{name}": ref for name, ref in images.items()}}
    text = Template(path.read_text(encoding="utf-8")).substitute(values)
    objects: list[Object] = [item for item in yaml.safe_load_all(text) if item]
    for item in objects:
        metadata = item["metadata"]
        name = f"{path.name}: {item['kind']} {metadata['name']}"
        if metadata.get("labels", {}).get(RUN_LABEL) != run:
            raise ValueError(f"{name} has no label {RUN_LABEL}")
        if metadata.get("namespace") != namespace:
            raise ValueError(f"{name} is not in the test's namespace")
    return objects
