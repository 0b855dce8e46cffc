from __future__ import annotations

from typing import Any

from labaddons.dns import command, render


def service(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "lab", "name": name}, "spec": spec}


def endpoints(name: str, *addresses: dict[str, str], ports: list[dict[str, Any]]) -> dict[str, Any]:
    subset = {"addresses": list(addresses), "ports": ports}
    return {"metadata": {"namespace": "lab", "name": name}, "subsets": [subset]}


def test_a_service_has_its_address_and_its_named_ports() -> None:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}, {"port": 81}]
    records = render([service("web", clusterIP="10.152.183.7", ports=ports)], [])
    assert records.hosts == ("10.152.183.7 web.lab.svc.cluster.local",)
    assert records.options == ("srv-host=_http._tcp.web.lab.svc.cluster.local,web.lab.svc.cluster.local,80",)


def test_a_headless_service_has_the_addresses_of_its_pods() -> None:
    found = endpoints(
        "db",
        {"ip": "10.1.0.5", "hostname": "db-0"},
        {"ip": "10.1.0.6"},
        ports=[{"name": "sql", "port": 3306, "protocol": "TCP"}],
    )
    records = render([service("db", clusterIP="None")], [found])
    assert set(records.hosts) == {
        "10.1.0.5 db.lab.svc.cluster.local",
        "10.1.0.5 db-0.db.lab.svc.cluster.local",
        "10.1.0.6 db.lab.svc.cluster.local",
        "10.1.0.6 10-1-0-6.db.lab.svc.cluster.local",
    }
    assert "srv-host=_sql._tcp.db.lab.svc.cluster.local,db-0.db.lab.svc.cluster.local,3306" in records.options


def test_pods_that_are_not_ready_have_no_records() -> None:
    found = {
        "metadata": {"namespace": "lab", "name": "db"},
        "subsets": [{"notReadyAddresses": [{"ip": "10.1.0.5"}], "ports": [{"port": 1}]}],
    }
    assert render([service("db", clusterIP="None")], [found]).hosts == ()


def test_an_external_name_is_an_alias() -> None:
    records = render([service("out", type="ExternalName", externalName="web.lab.svc.cluster.local.")], [])
    assert records.options == ("cname=out.lab.svc.cluster.local,web.lab.svc.cluster.local",)


def test_a_service_without_an_address_yet_has_no_record() -> None:
    assert render([service("new")], []).hosts == ()


def test_named_servers_replace_those_of_the_node() -> None:
    assert "--no-resolv" not in command([], [])
    with_servers = command(["cname=a,b"], ["1.1.1.1"])
    assert {"--no-resolv", "--server=1.1.1.1", "--cname=a,b"} <= set(with_servers)
