from __future__ import annotations

import pytest
from mk8s.actions import host_nameservers, set_argument
from mk8s.addons import ADDONS, Request, enabled_names, parse_words
from mk8s.ranges import RangeError, parse_ranges
from mk8s.snap import CommandError


def test_one_addon_of_the_inferred_repository() -> None:
    assert parse_words(["dns"]) == [Request("core", "dns", inferred=True)]


def test_several_addons_with_arguments_in_their_words() -> None:
    assert parse_words(["dns:1.1.1.1", "metallb:10.0.0.1-10.0.0.9"]) == [
        Request("core", "dns", ("1.1.1.1",), inferred=True),
        Request("core", "metallb", ("10.0.0.1-10.0.0.9",), inferred=True),
    ]


def test_arguments_may_follow_one_addon() -> None:
    assert parse_words(["hostpath-storage", "destroy-storage"]) == [
        Request("core", "hostpath-storage", ("destroy-storage",), inferred=True)
    ]


def test_a_typing_error_makes_addons_arguments() -> None:
    assert parse_words(["dns", "ingres", "rbac"]) == [
        Request("core", "dns", ("ingres", "rbac"), inferred=True)
    ]


def test_a_typing_error_after_an_argument_is_refused() -> None:
    with pytest.raises(CommandError, match="string arguments and flag arguments simultaneously") as caught:
        parse_words(["metallb:10.0.0.1-10.0.0.9", "ingres"])
    assert caught.value.code == 1


def test_a_repository_may_be_named() -> None:
    assert parse_words(["core/dns"]) == [Request("core", "dns")]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["dashboard"], "Addon dashboard was not found in any repository"),
        (["a/b/c"], "Invalid addon name a/b/c"),
    ],
)
def test_unknown_addons_are_refused(words: list[str], text: str) -> None:
    with pytest.raises(CommandError, match=text):
        parse_words(words)


def test_an_addon_is_enabled_as_soon_as_its_object_exists() -> None:
    assert enabled_names({"pod/coredns-64c6", "pod/web", "deployment.apps/hostpath-provisioner"}) == {
        "dns",
        "hostpath-storage",
        "storage",
    }


def test_every_addon_has_an_object_of_its_own_to_be_known_by() -> None:
    for addon in ADDONS:
        assert addon.name in enabled_names({addon.check})


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("10.64.140.43-10.64.140.49", ["10.64.140.43-10.64.140.49"]),
        ("10.0.0.0/28, 10.0.1.1-10.0.1.2", ["10.0.0.0/28", "10.0.1.1-10.0.1.2"]),
        ("10.64.140.999-10.64.140.1000", None),
        ("10.64.140.43-49", None),
        ("10.64.140.43", None),
        ("", None),
    ],
)
def test_ranges(text: str, ranges: list[str] | None) -> None:
    if ranges is None:
        with pytest.raises(RangeError):
            parse_ranges(text)
    else:
        assert parse_ranges(text) == ranges


def test_name_servers_pods_cannot_reach_are_left_out() -> None:
    text = "# nameserver 9.9.9.9\nnameserver 127.0.0.53\nnameserver 10.0.2.3\nsearch lab\n nameserver ::1\n"
    assert host_nameservers(text) == ["10.0.2.3"]


def test_an_argument_is_replaced_or_added() -> None:
    text = "--a=1\n--authorization-mode=AlwaysAllow\n"
    assert set_argument(text, "authorization-mode", "RBAC,Node") == "--a=1\n--authorization-mode=RBAC,Node\n"
    assert set_argument(text, "b", "2") == f"{text}--b=2\n"
