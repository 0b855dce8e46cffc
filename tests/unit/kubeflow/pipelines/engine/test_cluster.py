from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from labkubeflow.common.kube import KubeError
from labkubeflow.pipelines.engine.cluster import Pods
from labkubeflow.pipelines.engine.ports import GoneError

POD = {"metadata": {"namespace": "space", "name": "one"}}


class Client:
    """Answers requests in turn, and remembers them."""

    def __init__(self, *answers: Any) -> None:
        self.asked: list[tuple[str, str]] = []
        self._answers = list(answers)

    def request(self, method: str, path: str, body: object = None, *, query: Any = None) -> Any:
        self.asked.append((method, path))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def watch(self, path: str, *, query: dict[str, str]) -> Iterator[tuple[str, Any]]:
        self.asked.append(("WATCH", query["resourceVersion"]))
        for answer in self._answers:
            if isinstance(answer, Exception):
                raise answer
            yield answer


def pods(*answers: Any) -> tuple[Pods, Client]:
    client = Client(*answers)
    return Pods(client), client  # type: ignore[arg-type]


def test_a_pod_that_is_there_already_is_returned() -> None:
    found, client = pods(KubeError(409, "AlreadyExists", "it is there"), POD)
    assert found.create(POD) == POD
    url = "/api/v1/namespaces/space/pods"
    assert client.asked == [("POST", url), ("GET", f"{url}/one")]


@pytest.mark.parametrize(
    ("status", "kind"), [(403, PermissionError), (422, PermissionError), (500, OSError), (0, OSError)]
)
def test_only_a_final_refusal_is_one(status: int, kind: type[Exception]) -> None:
    found, _ = pods(KubeError(status, "", "why"))
    with pytest.raises(kind, match="why") as caught:
        found.create(POD)
    assert type(caught.value) is kind


def test_what_is_gone_need_not_be_deleted() -> None:
    found, _ = pods(KubeError(404, "NotFound", ""), KubeError(404, "NotFound", ""), KubeError(500, "", "no"))
    found.delete("space", "one")
    assert found.get("space", "one") is None
    with pytest.raises(OSError, match="no"):
        found.get("space", "one")


def test_a_watch_that_is_too_old_is_told_apart() -> None:
    found, client = pods(("ADDED", POD), KubeError(410, "Expired", "too old"))
    events = found.watch("a=b", "7")
    assert next(events) == ("ADDED", POD)
    with pytest.raises(GoneError):
        next(events)
    assert client.asked == [("WATCH", "7")]
    found, _ = pods(KubeError(0, "", "lost"))
    with pytest.raises(OSError, match="lost"):
        next(found.watch("a=b", "7"))


def test_a_list_comes_with_its_version() -> None:
    found, _ = pods({"items": None, "metadata": {"resourceVersion": "5"}})
    assert found.list("a=b") == ([], "5")
