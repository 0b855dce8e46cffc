"""Addresses for services of type LoadBalancer: which there are, and which service gets which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, ip_network

from labaddons.kube import Key, Object, key_of

POOL_ANNOTATION = "metallb.universe.tf/address-pool"
ADDRESS_ANNOTATION = "metallb.universe.tf/loadBalancerIPs"


class PoolError(ValueError):
    """A service cannot get what it asks for."""


def addresses(text: str) -> Iterator[IPv4Address]:
    """Yields the addresses of `A-B` or `NETWORK/LENGTH`."""
    first, dash, last = text.partition("-")
    if dash:
        low, high = IPv4Address(first.strip()), IPv4Address(last.strip())
    else:
        network = ip_network(text.strip(), strict=False)
        low, high = IPv4Address(int(network[0])), IPv4Address(int(network[-1]))
    for number in range(int(low), int(high) + 1):
        yield IPv4Address(number)


def pool_addresses(pool: Object) -> list[IPv4Address]:
    """Returns all addresses of an IPAddressPool."""
    return [address for text in pool["spec"].get("addresses") or [] for address in addresses(text)]


def current_address(service: Object) -> str:
    """Returns the address a service has, or an empty text."""
    given = service.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}]
    return str(given[0].get("ip", ""))


def wanted_address(service: Object) -> str:
    """Returns the address a service asks for, or an empty text."""
    annotations = service["metadata"].get("annotations") or {}
    return str(annotations.get(ADDRESS_ANNOTATION) or service["spec"].get("loadBalancerIP") or "")


def _choose(service: Object, pools: Mapping[str, Object], taken: set[str]) -> str:
    annotations = service["metadata"].get("annotations") or {}
    named = annotations.get(POOL_ANNOTATION)
    if named and named not in pools:
        raise PoolError(f"no address pool {named}")
    wanted = wanted_address(service)
    for name, pool in sorted(pools.items()):
        automatic = pool["spec"].get("autoAssign", True)
        if named not in (None, name) or not (automatic or named or wanted):
            continue
        for address in map(str, pool_addresses(pool)):
            if address not in taken and wanted in ("", address):
                return address
    raise PoolError(f"address {wanted} is not free in a pool" if wanted else "no free address in the pools")


def allocate(services: Iterable[Object], pools: Iterable[Object]) -> tuple[dict[Key, str], dict[Key, str]]:
    """Decides which service has which address.

    Services keep what they have, as long as a pool has it and they ask for no other one.

    Returns:
        The address of each service that is to have one, and why the others get none.
    """
    balanced = [item for item in services if item["spec"].get("type") == "LoadBalancer"]
    by_name = {item["metadata"]["name"]: item for item in pools}
    every = {str(address) for pool in by_name.values() for address in pool_addresses(pool)}
    given: dict[Key, str] = {}
    for service in balanced:
        address = current_address(service)
        if address in every and address not in given.values() and wanted_address(service) in ("", address):
            given[key_of(service)] = address
    refused: dict[Key, str] = {}
    for service in balanced:
        if key_of(service) not in given:
            try:
                given[key_of(service)] = _choose(service, by_name, set(given.values()))
            except PoolError as error:
                refused[key_of(service)] = str(error)
    return given, refused
