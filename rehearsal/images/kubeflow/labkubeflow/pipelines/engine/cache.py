"""The key under which a component's outputs are kept for later runs.

Contract: kubeflow/pipelines, backend/src/v2/cacheutils/cache.go (`GenerateCacheKey`): the inputs, the
container and what it is to make. Unlike there, an input artifact counts by its URI.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from google.protobuf import json_format

from labkubeflow.pipelines.model import Values


def fingerprint(component: Any, container: Any, inputs: Values) -> str:
    """Return the key of a component with these inputs.

    Args:
        component: its `ComponentSpec`.
        container: its `PipelineContainerSpec`, placeholders not filled in.
        inputs: of the task.
    """
    key = {
        "image": container.image,
        "command": [*container.command, *container.args],
        "parameters": inputs.parameters,
        "artifacts": {name: [item.uri for item in found] for name, found in inputs.artifacts.items()},
        "outputs": json_format.MessageToDict(component.output_definitions),
    }
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
