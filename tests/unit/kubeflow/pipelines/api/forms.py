"""Compares answers with the models of the real client."""

from __future__ import annotations

import json
from typing import Any

import kfp_server_api
from labkubeflow.pipelines.api.messages import read


class _Answer:
    """What the generated client calls a response."""

    def __init__(self, data: object) -> None:
        self.data = json.dumps(data)


def same_as_sent(model: str, message: str, data: dict[str, Any]) -> Any:
    """Check an answer's names and values against a model; return it as the client gives it.

    Args:
        model: a class of kfp_server_api; each field of the answer must be one of it, and come out again.
        message: the same by the name in `messages.MESSAGES`.
        data: the answer.
    """
    with kfp_server_api.ApiClient() as client:
        found = client.deserialize(_Answer(data), model)
        _compare(json.loads(json.dumps(client.sanitize_for_serialization(found))), data)
    assert read(message, data) == data
    return found


def _compare(seen: Any, sent: Any) -> None:
    if isinstance(sent, dict):
        assert set(sent) <= set(seen), set(sent) - set(seen)
        for name, value in sent.items():
            _compare(seen[name], value)
    elif isinstance(sent, list):
        assert len(seen) == len(sent)
        for left, right in zip(seen, sent, strict=True):
            _compare(left, right)
    elif isinstance(sent, str) and sent.endswith("Z") and sent[4:5] == "-":
        assert seen[:19] == sent[:19]
    else:
        assert seen == sent
