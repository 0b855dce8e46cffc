from __future__ import annotations

import urllib.error
from collections.abc import Mapping
from email.message import Message

import pytest

from lab.errors import NetworkError
from lab.probes.store import STORE_URL, check_store


def test_a_proper_answer() -> None:
    asked = []

    def fetch(url: str, headers: Mapping[str, str], timeout: float) -> bytes:
        asked.append((url, headers["Snap-Device-Series"], timeout))
        return b'{"name": "microk8s", "channel-map": []}'

    check_store(fetch, timeout=3)
    assert asked == [(STORE_URL, "16", 3)]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (urllib.error.URLError("name or service not known"), "name or service not known"),
        (urllib.error.HTTPError(STORE_URL, 403, "Forbidden", Message(), None), "HTTP status 403"),
        (TimeoutError("timed out"), "timed out"),
        (b"<html>Welcome to our hotel</html>", "something else answered"),
        (b"[]", "something else answered"),
        (b"{}", "something else answered"),
    ],
)
def test_no_store(answer: bytes | Exception, why: str) -> None:
    def fetch(url: str, headers: Mapping[str, str], timeout: float) -> bytes:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(NetworkError, match=why) as caught:
        check_store(fetch)
    assert caught.value.code == "LAB-NET-001"
    assert caught.value.exit_code == 30
    assert "--edition rehearsal" in caught.value.hint
