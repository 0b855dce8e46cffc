"""Reads the suite's manifests: plain YAML with a few ``${placeholders}``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

import yaml

from lab.testing.kube import Object

RUN_LABEL = "kubeflow-lab.dev/run"
"""The label on everything that a run of the suite creates; its value is the run's id."""

CLUSTER_SCOPED = frozenset({"Profile"})
"""Kinds that are in no namespace; an object of them makes one of its own name, which is the test's."""


def load(path: Path, *, namespace: str, run: str, images: Mapping[str, str], **values: str) -> list[Object]:
    """Return the objects in a manifest.

    Args:
        path: The file.
        namespace: Stands in for ``${namespace}``.
        run: Stands in for ``${run}``, the value of the run label.
        images: Stand in for ``${image_NAME}``.
        values: Stand in for placeholders of their names.

    Raises:
        KeyError: The file has some other placeholder.
        ValueError: An object has no run label, or another namespace than the test's.
    """
    named = {f"image_{name}": ref for name, ref in images.items()}
    template = Template(path.read_text(encoding="utf-8"))
    text = template.substitute({**values, **named, "namespace": namespace, "run": run})
    objects: list[Object] = [item for item in yaml.safe_load_all(text) if item]
    for item in objects:
        metadata = item["metadata"]
        name = f"{path.name}: {item['kind']} {metadata['name']}"
        if metadata.get("labels", {}).get(RUN_LABEL) != run:
            raise ValueError(f"{name} has no label {RUN_LABEL}")
        where = metadata["name"] if item["kind"] in CLUSTER_SCOPED else metadata.get("namespace")
        if where != namespace:
            raise ValueError(f"{name} is not in the test's namespace")
    return objects
