"""From Ingress objects to the configuration of nginx."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labaddons.kube import Key, Object, key_of

CLASSES = ("public", "nginx")
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
ANNOTATIONS = "nginx.ingress.kubernetes.io/"
CERTIFICATES = Path("/run/labingress")

_HEAD = """\
worker_processes 1;
error_log /dev/stderr warn;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  server_tokens off;
  server_names_hash_bucket_size 128;
  client_max_body_size 0;
  proxy_http_version 1.1;
  proxy_buffering off;
  proxy_read_timeout 3600s;
  proxy_set_header Host $http_host;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  client_body_temp_path /run/nginx-body;
  proxy_temp_path /run/nginx-proxy;
  server {
    listen 10254;
    location / { return 404; }
    location = /healthz { return 200; }
  }
  server {
    listen 443 ssl default_server;
    ssl_reject_handshake on;
  }
"""


@dataclass
class Site:
    """One host name: where its paths lead, and its certificate.

    Attributes:
        locations: nginx's matcher, such as `= /a`, and the statements for it.
        secret: the Secret with the certificate, if the host is served by HTTPS too.
    """

    locations: dict[str, str] = field(default_factory=dict)
    secret: Key | None = None


def is_ours(ingress: Object) -> bool:
    """Tells whether an Ingress is of one of our classes; the API server gives the rest the default."""
    annotations = ingress["metadata"].get("annotations") or {}
    name = ingress["spec"].get("ingressClassName") or annotations.get(CLASS_ANNOTATION)
    return name in CLASSES


def unsupported(ingress: Object) -> list[str]:
    """Returns the annotations that change how the real controller serves an Ingress; we honour none."""
    annotations = ingress["metadata"].get("annotations") or {}
    return sorted(name for name in annotations if name.startswith(ANNOTATIONS))


def _port_name(backend: Object, service: Object) -> str | None:
    """Returns the name of the port a backend means, "" for a nameless one, None if there is none."""
    wanted = backend.get("port") or {}
    member, value = ("name", wanted["name"]) if "name" in wanted else ("port", wanted.get("number"))
    for port in service["spec"].get("ports") or []:
        if port.get(member) == value:
            return str(port.get("name", ""))
    return None


def addresses(backend: Object, service: Object | None, endpoints: Object | None) -> list[str]:
    """Returns the pods behind a backend, each as ADDRESS:PORT."""
    if service is None or endpoints is None:
        return []
    name = _port_name(backend, service)
    return [
        f"{address['ip']}:{port['port']}"
        for subset in endpoints.get("subsets") or []
        for port in subset.get("ports") or []
        if name is not None and port.get("name", "") == name
        for address in subset.get("addresses") or []
    ]


def matchers(path: str, kind: str) -> list[str]:
    """Returns nginx's matchers for a path of an Ingress."""
    if kind == "Exact":
        return [f"= {quoted(path)}"]
    whole = path.rstrip("/")
    # A prefix matches whole elements: /a means /a and /a/b, but not /ab.
    return [f"= {quoted(whole)}", quoted(f"{whole}/")] if whole else [quoted("/")]


def quoted(text: str) -> str:
    """Quotes text of an API object, so that it cannot be anything but one word of the configuration."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "") + '"'


class Renderer:
    """Collects sites and backends, and renders them."""

    def __init__(self, services: Iterable[Object], endpoints: Iterable[Object]) -> None:
        self._services = {key_of(item): item for item in services}
        self._endpoints = {key_of(item): item for item in endpoints}
        self._upstreams: dict[str, list[str]] = {}
        self.sites: dict[str, Site] = {}

    def _proxy(self, namespace: str, backend: Object) -> str:
        service = backend.get("service") or {}
        key = (namespace, service.get("name", ""))
        pods = addresses(service, self._services.get(key), self._endpoints.get(key))
        if not pods:
            return "return 503;"
        port = service.get("port", {})
        name = f"{namespace}-{key[1]}-{port.get('name', port.get('number', ''))}"
        self._upstreams[name] = pods
        return f"proxy_pass http://{name};"

    def add(self, ingress: Object) -> None:
        """Adds the rules of one Ingress; of two rules for the same path, the first one counts."""
        namespace, _ = key_of(ingress)
        refused = "return 501;" if unsupported(ingress) else ""
        spec = ingress["spec"]
        if spec.get("defaultBackend"):
            self._add_path("", '"/"', refused or self._proxy(namespace, spec["defaultBackend"]))
        for rule in spec.get("rules") or []:
            for path in (rule.get("http") or {}).get("paths") or []:
                statement = refused or self._proxy(namespace, path["backend"])
                for matcher in matchers(path.get("path") or "/", path.get("pathType", "Prefix")):
                    self._add_path(rule.get("host", ""), matcher, statement)
        for entry in spec.get("tls") or []:
            for host in entry.get("hosts") or []:
                if entry.get("secretName"):
                    self.sites.setdefault(host, Site()).secret = (namespace, entry["secretName"])

    def _add_path(self, host: str, matcher: str, statement: str) -> None:
        self.sites.setdefault(host, Site()).locations.setdefault(matcher, statement)

    def render(self, certificates: Mapping[Key, Path]) -> str:
        """Renders the configuration.

        Args:
            certificates: the files (without .crt and .key) of the Secrets that exist.
        """
        text = _HEAD
        for name, pods in sorted(self._upstreams.items()):
            servers = " ".join(f"server {pod};" for pod in pods)
            text += f"  upstream {name} {{ {servers} }}\n"
        for host, site in sorted({"": Site(), **self.sites}.items()):
            text += _server(host, site, certificates)
        return text + "}\n"


def _server(host: str, site: Site, certificates: Mapping[Key, Path]) -> str:
    lines = [f"  listen 80{'' if host else ' default_server'};"]
    if host:
        lines.append(f"  server_name {quoted(host)};")
        file = certificates.get(site.secret) if site.secret else None
        if file:
            lines += [
                "  listen 443 ssl;",
                f"  ssl_certificate {file}.crt;",
                f"  ssl_certificate_key {file}.key;",
            ]
    lines += [f"  location {matcher} {{ {what} }}" for matcher, what in sorted(site.locations.items())]
    if '"/"' not in site.locations:
        lines.append("  location / { return 404; }")
    body = "\n".join(f"  {line}" for line in lines)
    return f"  server {{\n{body}\n  }}\n"
