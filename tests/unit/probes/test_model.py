from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lab.probes.model import age, from_epoch, to_iso

NOW = datetime(2026, 11, 23, 19, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24 Feb 2025 12:03:17+13:00", "2025-02-23T23:03:17Z"),
        ("2025-02-23 23:03:17Z", "2025-02-23T23:03:17Z"),
        ("2025-02-23T23:03:17Z", "2025-02-23T23:03:17Z"),
        ("2025-02-23T23:03:17.123456Z", "2025-02-23T23:03:17Z"),
        ("yesterday", "yesterday"),
        ("", None),
        (None, None),
    ],
)
def test_times_of_juju_and_kubernetes(text: object, expected: str | None) -> None:
    assert to_iso(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("@0", None), ("", None), ("1740351797", "2025-02-23T23:03:17Z")]
)
def test_seconds_since_1970(text: str, expected: str | None) -> None:
    assert from_epoch(text) == expected


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2026-11-23T18:59:30Z", "30 s"),
        ("2026-11-23T18:30:00Z", "30 min"),
        ("2026-11-23T16:30:00Z", "2 h 30 min"),
        ("2026-11-20T18:00:00Z", "3 d 1 h"),
        ("2026-11-23T19:30:00Z", "0 s"),
        ("yesterday", ""),
        (None, ""),
    ],
)
def test_age(since: str | None, expected: str) -> None:
    assert age(since, NOW) == expected
