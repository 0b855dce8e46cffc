"""The client's reading of options, files and queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from juju_client import cmd_bootstrap, cmd_config, flags, query, yamlite
from juju_client.errors import JujuError, UsageError

from .conftest import CA

# -- options


def test_options_and_arguments_may_be_mixed() -> None:
    known = (flags.MODEL_FLAG, flags.Flag("utc", kind="bool", default=False), flags.Flag("x", kind="list"))
    values, args, given = flags.parse(known, ["a", "-m", "one", "--utc", "b", "-x=1", "-x2", "--", "--utc"])
    assert values == {"model": "one", "utc": True, "x": ["1", "2"]}
    assert args == ["a", "b", "--utc"]
    assert given == {"model", "utc", "x"}
    assert flags.parse(known, ["--utc=false"])[0]["utc"] is False


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--nosuch"], "option provided but not defined: --nosuch"),
        (["-y"], "option provided but not defined: -y"),
        (["--m", "x"], "option provided but not defined: --m"),
        (["--model"], "option needs an argument: --model"),
        (["--timeout", "60"], 'invalid value "60" for option --timeout: time: missing unit in duration "60"'),
        (["--timeout", "abc"], 'time: invalid duration "abc"'),
        (["--limit", "x"], 'invalid value "x" for option --limit: parse error'),
    ],
)
def test_bad_options(argv: list[str], message: str) -> None:
    known = (flags.MODEL_FLAG, flags.Flag("timeout", kind="duration"), flags.Flag("limit", kind="int"))
    with pytest.raises(UsageError) as caught:
        flags.parse(known, argv)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("1.5m", 90), ("0", 0), ("100ms", 0.1)]
)
def test_durations(text: str, seconds: float) -> None:
    assert flags.parse_duration(text) == pytest.approx(seconds)


# -- YAML


@pytest.mark.parametrize(
    "value",
    [
        {
            "clouds": {
                "my-k8s": {"ca-certificates": [CA], "auth-types": ["a", "b"], "endpoint": "https://h:1"}
            }
        },
        {
            "a": {},
            "b": [],
            "c": "",
            "d": "yes",
            "e": "3.4.6",
            "f": "1",
            "g": True,
            "h": None,
            "i": 5,
            "j": 1.5,
        },
        {"list": [{"a": "x", "b": ["y", {"c": "z"}]}, "w"], "two": {"three": {"four": "- x: y"}}},
        {"text": "one\n\ntwo", "end": "one\ntwo\n", "ends": "a\n\n", "quote": 'a "b" \\ #c', "key: odd": "v"},
        {"controllers": None, "unicode": "Grüße", "space": " x ", "minus": "-", "star": "*x", "colon": "a:"},
    ],
)
def test_written_yaml_is_read_alike_by_a_real_parser_and_by_this_one(value: dict[str, Any]) -> None:
    text = yamlite.dump(value)
    assert yaml.safe_load(text) == value
    assert yamlite.load(text) == value


def test_yaml_written_by_others() -> None:
    text = "# note\n---\na: 'it''s'\nb:\n- 1\n-   two # note\nc:\n    d: e f\n"
    assert yamlite.load(text) == {"a": "it's", "b": [1, "two"], "c": {"d": "e f"}}
    assert yamlite.load("") == {}


@pytest.mark.parametrize("text", ["a: {b: 1}", "a: &x 1", "\ta: 1", "just words", 'a: "open', "a: 1\n  b: 2"])
def test_other_yaml_is_refused(text: str) -> None:
    with pytest.raises(yamlite.YAMLError):
        yamlite.load(text)


# -- queries


SCOPE = {
    "applications": {"a": {"status": "active", "units": {}}, "b": {"status": "waiting"}},
    "life": "alive",
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('forEach(applications, app => app.status == "active")', False),
        ('forEach(applications, app => app.status == "active" || app.status=="waiting")', True),
        ("forEach(applications, a => startsWith(a.status, 'act') || endsWith(a.status, 'ing'))", True),
        ('life=="alive" && len(applications) == 2', True),
        ("!(len(applications) > 1)", False),
        ("life != 'alive' || true", True),
        ("len(applications) <= 1", False),
    ],
)
def test_queries(text: str, holds: bool) -> None:
    assert query.compile_query(text)(SCOPE) is holds


def test_a_query_over_nothing_does_not_hold() -> None:
    assert query.compile_query("forEach(applications, a => true)")({"applications": {}}) is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a ==",
        "forEach(applications, =>)",
        "nosuch == 1",
        "life.x == 1",
        "'open",
        "a ^ b",
        "f(a, b)",
        "life < 1",
    ],
)
def test_bad_queries(text: str) -> None:
    with pytest.raises(query.QueryError):
        query.compile_query(text)(SCOPE)


# -- configuration


def test_configuration_by_arguments_and_files(tmp_path: Path) -> None:
    (tmp_path / "value").write_text("from a file")
    assert cmd_config.parse_pairs(["a=b=c", "d=", f"e=@{tmp_path}/value"]) == {
        "a": "b=c",
        "d": "",
        "e": "from a file",
    }
    assert cmd_config.parse_file("dex-auth:\n  port: 1\n  on: true\n", "dex-auth") == {
        "port": "1",
        "on": "true",
    }
    assert cmd_config.parse_file("port: x y\n", "dex-auth") == {"port": "x y"}
    for bad in (["=x"], ["a=1", "a=2"], ["a"]):
        with pytest.raises(UsageError):
            cmd_config.parse_pairs(bad)
    for text in ("a: {b: c}", "- a\n", "a:\n  b: c\n"):
        with pytest.raises(JujuError):
            cmd_config.parse_file(text, "dex-auth")


def test_bootstrap_configuration() -> None:
    assert cmd_bootstrap.read_config(["bootstrap-timeout=1800"]) == {"bootstrap-timeout": "1800"}
    for bad in ("nosuch=1", "bootstrap-timeout", "bootstrap-timeout=soon"):
        with pytest.raises(UsageError):
            cmd_bootstrap.read_config([bad])


def test_why_a_controller_pod_is_not_ready() -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}
    assert cmd_bootstrap.pod_problem(None) == "pending: - "
    assert cmd_bootstrap.pod_problem({"status": {"conditions": [unscheduled]}}) == "unschedulable: 0/1 nodes"
    waiting = {"state": {"waiting": {"reason": "ErrImagePull", "message": "no"}}}
    assert (
        cmd_bootstrap.pod_problem({"status": {"containerStatuses": [waiting]}})
        == "pending: ErrImagePull - no"
    )
    assert cmd_bootstrap.pod_problem({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}) == ""
