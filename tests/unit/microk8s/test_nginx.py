from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from labaddons.nginx import Renderer, is_ours, matchers, quoted, unsupported

SERVICE = {
    "metadata": {"namespace": "lab", "name": "web"},
    "spec": {"ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]},
}
ENDPOINTS = {
    "metadata": {"namespace": "lab", "name": "web"},
    "subsets": [
        {
            "addresses": [{"ip": "10.1.0.5"}, {"ip": "10.1.0.6"}],
            "ports": [{"name": "http", "port": 8080}, {"name": "admin", "port": 9090}],
        }
    ],
}


def ingress(*rules: dict[str, Any], **spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "lab", "name": "web", "annotations": spec.pop("annotations", {})}
    return {"metadata": metadata, "spec": {"ingressClassName": "public", "rules": list(rules), **spec}}


def rule(
    host: str = "", path: str = "/", kind: str = "Prefix", name: str = "web", port: object = 80
) -> dict[str, Any]:
    number = {"number": port} if isinstance(port, int) else {"name": port}
    backend = {"service": {"name": name, "port": number}}
    return {"host": host, "http": {"paths": [{"path": path, "pathType": kind, "backend": backend}]}}


def render(*objects: dict[str, Any], certificates: dict[tuple[str, str], Path] | None = None) -> str:
    renderer = Renderer([SERVICE], [ENDPOINTS])
    for item in objects:
        renderer.add(item)
    return renderer.render(certificates or {})


def test_a_host_leads_to_the_pods_of_its_service() -> None:
    text = render(ingress(rule("web.lab")))
    assert "upstream lab-web-80 { server 10.1.0.5:8080; server 10.1.0.6:8080; }" in text
    assert 'server_name "web.lab";' in text
    assert 'location "/" { proxy_pass http://lab-web-80; }' in text


def test_a_port_may_be_named() -> None:
    text = render(ingress(rule("web.lab", port="admin")))
    assert "upstream lab-web-admin { server 10.1.0.5:9090; server 10.1.0.6:9090; }" in text


@pytest.mark.parametrize(("name", "port"), [("gone", 80), ("web", 8000)])
def test_without_pods_the_answer_is_503(name: str, port: int) -> None:
    assert 'location "/" { return 503; }' in render(ingress(rule("web.lab", name=name, port=port)))


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/", "Prefix", ['"/"']),
        ("/a", "Prefix", ['= "/a"', '"/a/"']),
        ("/a/", "Prefix", ['= "/a"', '"/a/"']),
        ("/a", "ImplementationSpecific", ['= "/a"', '"/a/"']),
        ("/a", "Exact", ['= "/a"']),
    ],
)
def test_paths(path: str, kind: str, expected: list[str]) -> None:
    assert matchers(path, kind) == expected


def test_a_host_without_a_rule_for_the_root_answers_404_there() -> None:
    text = render(ingress(rule("web.lab", path="/a")))
    assert "    location / { return 404; }" in text


def test_the_first_of_two_rules_for_a_path_counts() -> None:
    text = render(ingress(rule("web.lab")), ingress(rule("web.lab", port="admin")))
    assert "lab-web-80;" in text
    assert "proxy_pass http://lab-web-admin;" not in text


def test_a_default_backend_serves_unknown_hosts() -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    text = render(ingress(defaultBackend=backend))
    server = text.split("listen 80 default_server;")[1]
    assert "proxy_pass http://lab-web-80;" in server.split("}")[0]


def test_a_host_with_a_certificate_is_served_by_https() -> None:
    item = ingress(rule("web.lab"), tls=[{"hosts": ["web.lab"], "secretName": "cert"}])
    assert "ssl_certificate" not in render(item)
    text = render(item, certificates={("lab", "cert"): Path("/run/x")})
    assert "ssl_certificate /run/x.crt;" in text
    assert "ssl_certificate_key /run/x.key;" in text


def test_what_is_not_supported_answers_501() -> None:
    item = ingress(
        rule("web.lab"), annotations={"nginx.ingress.kubernetes.io/rewrite-target": "/", "other": "1"}
    )
    assert unsupported(item) == ["nginx.ingress.kubernetes.io/rewrite-target"]
    assert 'location "/" { return 501; }' in render(item)


def test_text_of_objects_cannot_leave_its_place() -> None:
    assert quoted('a"; return 200 $host\\') == '"a\\"; return 200 host\\\\"'


@pytest.mark.parametrize(
    ("name", "annotation", "ours"),
    [("public", "", True), ("nginx", "", True), ("", "nginx", True), ("istio", "", False), ("", "", False)],
)
def test_classes(name: str, annotation: str, ours: bool) -> None:
    annotations = {"kubernetes.io/ingress.class": annotation} if annotation else {}
    item = {"metadata": {"annotations": annotations}, "spec": {"ingressClassName": name}}
    assert is_ours(item) is ours
