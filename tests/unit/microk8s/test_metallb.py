from __future__ import annotations

from typing import Any

import pytest
from labaddons.metallb_speaker import changes
from labaddons.pools import POOL_ANNOTATION, addresses, allocate

POOL = {"metadata": {"name": "default"}, "spec": {"addresses": ["10.64.140.43-10.64.140.44"]}}


def service(name: str, address: str = "", wanted: str = "", **annotations: str) -> dict[str, Any]:
    given = [{"ip": address}] if address else []
    return {
        "metadata": {"namespace": "lab", "name": name, "annotations": annotations},
        "spec": {"type": "LoadBalancer", "loadBalancerIP": wanted},
        "status": {"loadBalancer": {"ingress": given}},
    }


@pytest.mark.parametrize(
    ("text", "first", "last", "count"),
    [
        ("10.64.140.43-10.64.140.49", "10.64.140.43", "10.64.140.49", 7),
        ("10.0.0.0/30", "10.0.0.0", "10.0.0.3", 4),
        ("10.0.0.7/32", "10.0.0.7", "10.0.0.7", 1),
    ],
)
def test_addresses(text: str, first: str, last: str, count: int) -> None:
    found = [str(address) for address in addresses(text)]
    assert (found[0], found[-1], len(found)) == (first, last, count)


def test_services_get_addresses_in_turn_until_there_are_none() -> None:
    given, refused = allocate([service("a"), service("b"), service("c")], [POOL])
    assert given == {("lab", "a"): "10.64.140.43", ("lab", "b"): "10.64.140.44"}
    assert refused == {("lab", "c"): "no free address in the pools"}


def test_a_service_keeps_its_address() -> None:
    given, _ = allocate([service("a"), service("b", "10.64.140.43")], [POOL])
    assert given == {("lab", "b"): "10.64.140.43", ("lab", "a"): "10.64.140.44"}


def test_an_address_outside_the_pools_is_replaced() -> None:
    given, _ = allocate([service("a", "192.168.0.1")], [POOL])
    assert given == {("lab", "a"): "10.64.140.43"}


def test_a_service_may_ask_for_an_address() -> None:
    given, refused = allocate([service("a", wanted="10.64.140.44"), service("b", wanted="10.9.9.9")], [POOL])
    assert given == {("lab", "a"): "10.64.140.44"}
    assert refused == {("lab", "b"): "address 10.9.9.9 is not free in a pool"}


def test_a_service_may_ask_for_a_pool() -> None:
    other = {"metadata": {"name": "other"}, "spec": {"addresses": ["10.9.0.1/32"], "autoAssign": False}}
    asking = service("b", **{POOL_ANNOTATION: "other"})
    given, _ = allocate([service("a"), asking], [POOL, other])
    assert given == {("lab", "a"): "10.64.140.43", ("lab", "b"): "10.9.0.1"}
    _, refused = allocate([asking], [POOL])
    assert refused == {("lab", "b"): "no address pool other"}


def test_a_pool_of_its_own_is_not_given_out_unasked() -> None:
    pool = {"metadata": {"name": "x"}, "spec": {"addresses": ["10.9.0.1/32"], "autoAssign": False}}
    assert allocate([service("a")], [pool])[0] == {}


def test_other_services_get_no_address() -> None:
    plain = {"metadata": {"namespace": "lab", "name": "a"}, "spec": {"type": "ClusterIP"}, "status": {}}
    assert allocate([plain], [POOL]) == ({}, {})


def test_routes_become_the_wanted_ones() -> None:
    made = changes({"10.0.0.1", "10.0.0.2"}, {"10.0.0.2", "10.0.0.3"})
    assert [command[:2] for command in made] == [["add", "10.0.0.1/32"], ["delete", "10.0.0.3/32"]]


def test_nothing_changes_when_all_is_there() -> None:
    assert changes({"10.0.0.1"}, {"10.0.0.1"}) == []
