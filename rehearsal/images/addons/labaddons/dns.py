"""The cluster's name server: dnsmasq, told about services by what the API says of them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labaddons.kube import Cluster, Key, Mirror, Object, key_of

DOMAIN = "cluster.local"
SERVICES, ENDPOINTS = "/api/v1/services", "/api/v1/endpoints"
DIRECTORY = Path("/run/labdns")
HOSTS = DIRECTORY / "hosts"
TTL = "5"


@dataclass(frozen=True)
class Records:
    """What dnsmasq is to know.

    Attributes:
        hosts: lines of a hosts file, which it reads again when told to.
        options: SRV and CNAME records, which it reads at its start only.
    """

    hosts: tuple[str, ...]
    options: tuple[str, ...]


def service_name(key: Key) -> str:
    """Returns the full name of a service."""
    namespace, name = key
    return f"{name}.{namespace}.svc.{DOMAIN}"


def _ready_addresses(endpoints: Object) -> Iterable[tuple[str, str]]:
    """Yields each ready address of a service with its host name, which may be empty."""
    for subset in endpoints.get("subsets") or []:
        for address in subset.get("addresses") or []:
            yield address["ip"], address.get("hostname", "")


def _endpoint_label(address: str, hostname: str) -> str:
    return hostname or address.replace(".", "-")


def _headless(name: str, endpoints: Object) -> tuple[list[str], list[str]]:
    """Returns the records of a service that has no address of its own: those of its pods."""
    hosts, options = [], []
    for address, hostname in _ready_addresses(endpoints):
        hosts += [f"{address} {name}", f"{address} {_endpoint_label(address, hostname)}.{name}"]
    for subset in endpoints.get("subsets") or []:
        for port in subset.get("ports") or []:
            for address in subset.get("addresses") or []:
                if port.get("name"):
                    label = _endpoint_label(address["ip"], address.get("hostname", ""))
                    options.append(_srv(port, name, f"{label}.{name}"))
    return hosts, options


def _srv(port: Object, name: str, target: str) -> str:
    return f"srv-host=_{port['name']}._{port.get('protocol', 'TCP').lower()}.{name},{target},{port['port']}"


def render(services: Iterable[Object], endpoints: Iterable[Object]) -> Records:
    """Renders the records of all services."""
    by_key = {key_of(item): item for item in endpoints}
    hosts: list[str] = []
    options: list[str] = []
    for service in services:
        key = key_of(service)
        name, spec = service_name(key), service["spec"]
        if spec.get("type") == "ExternalName":
            options.append(f"cname={name},{spec['externalName'].rstrip('.')}")
        elif spec.get("clusterIP") == "None":
            more_hosts, more_options = _headless(name, by_key.get(key, {}))
            hosts += more_hosts
            options += more_options
        elif spec.get("clusterIP"):
            hosts.append(f"{spec['clusterIP']} {name}")
            options += [_srv(port, name, name) for port in spec.get("ports") or [] if port.get("name")]
    return Records(tuple(sorted(hosts)), tuple(sorted(options)))


def command(options: Iterable[str], forward: Iterable[str]) -> list[str]:
    """Returns dnsmasq's command line."""
    fixed = ["dnsmasq", "--keep-in-foreground", "--user=root", "--conf-file=/dev/null", "--no-hosts"]
    fixed += ["--log-facility=-", f"--addn-hosts={HOSTS}", f"--local-ttl={TTL}", f"--neg-ttl={TTL}"]
    # Names of the cluster and addresses of pods and services are never asked for elsewhere.
    fixed += [f"--local=/{DOMAIN}/", "--local=/10.in-addr.arpa/", "--cache-size=1000"]
    servers = [f"--server={server}" for server in forward]
    if servers:
        fixed.append("--no-resolv")
    return [*fixed, *servers, *(f"--{option}" for option in options)]


class Server:
    """The running dnsmasq."""

    def __init__(self, forward: Iterable[str]) -> None:
        self._forward = tuple(forward)
        self._process: subprocess.Popen[bytes] | None = None
        self._known: Records | None = None

    def update(self, records: Records) -> None:
        """Makes dnsmasq know the records.

        Raises:
            RuntimeError: dnsmasq has ended by itself.
        """
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"dnsmasq ended with exit code {self._process.returncode}")
        if records == self._known:
            return
        fresh = HOSTS.with_suffix(".new")
        fresh.write_text("".join(f"{line}\n" for line in records.hosts), encoding="utf-8")
        fresh.replace(HOSTS)
        if self._process is None or self._known is None or records.options != self._known.options:
            self._restart(records.options)
        else:
            self._process.send_signal(signal.SIGHUP)
        self._known = records

    def _restart(self, options: Iterable[str]) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
        self._process = subprocess.Popen(command(options, self._forward))

    def stop(self) -> None:
        """Ends dnsmasq."""
        if self._process is not None:
            self._process.terminate()


def main() -> None:
    """Serves names until the pod is stopped."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    server = Server(filter(None, os.environ.get("FORWARD", "").split(",")))
    # As process 1 we would ignore the signal otherwise.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    mirror = Mirror(Cluster(), SERVICES, ENDPOINTS)
    for _ in mirror.changes(idle=10):
        server.update(render(mirror.values(SERVICES), mirror.values(ENDPOINTS)))


if __name__ == "__main__":
    main()
