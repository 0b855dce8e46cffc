"""From routes to the configuration of nginx."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labkubeflow.common.web import USER_HEADER
from labkubeflow.gateway.routes import Absent, Route

PORT, STATUS_PORT = 8080, 15021
"""Where requests come in; and where the probe asks, as at Istio's gateway."""

_HEAD = """\
daemon off;
worker_processes 1;
error_log stderr warn;
pid /tmp/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  server_tokens off;
  default_type text/plain;
  absolute_redirect off;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;

  # Names are looked up when they are asked for: a service may come later than the gateway, or move.
  resolver {resolver} valid=5s ipv6=off;
  resolver_timeout 10s;

  proxy_http_version 1.1;
  proxy_connect_timeout 10s;
  proxy_send_timeout 300s;
  proxy_read_timeout 300s;
  # What is uploaded or watched goes through as it comes.
  proxy_request_buffering off;
  proxy_buffering off;

  server {{
    listen {status_port};
    location = /healthz/ready {{ return 200; }}
    location / {{ return 404; }}
  }}

  server {{
    listen {port} default_server;

    location = /_verify {{
      internal;
      set $keeper oidc-gatekeeper.{domain};
      proxy_pass http://$keeper:8080/verify;
      proxy_pass_request_body off;
      client_max_body_size 0;
      proxy_read_timeout 60s;
      proxy_set_header Content-Length "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Original-URI $request_uri;
    }}

    location @login {{
      if ($login = "") {{ return 401 "401: the token is not, or no longer, valid\\n"; }}
      add_header Set-Cookie $login_cookie always;
      add_header Cache-Control no-store always;
      return 302 $login;
    }}

    location @keeper_down {{
      add_header Retry-After 5 always;
      return 503 "503: nobody can log in now: oidc-gatekeeper does not answer\\n";
    }}

    location @down {{
      add_header Retry-After 5 always;
      return 503 "503: $service does not answer; 'kubectl -n {namespace} get pods' tells more\\n";
    }}
"""

_FORWARDED = """\
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
"""

_VERIFIED = f"""\
      auth_request /_verify;
      auth_request_set $user $upstream_http_{USER_HEADER.replace("-", "_")};
      auth_request_set $login $upstream_http_x_login;
      auth_request_set $login_cookie $upstream_http_set_cookie;
      error_page 401 = @login;
      error_page 500 = @keeper_down;
"""


@dataclass(frozen=True)
class Surroundings:
    """Where the gateway runs.

    Attributes:
        resolver: the cluster's name server.
        namespace: the gateway's own, where all services are.
    """

    resolver: str
    namespace: str

    @classmethod
    def read(cls, namespace: str, resolv_conf: Path = Path("/etc/resolv.conf")) -> Surroundings:
        """Find the name server as the pod's own look-ups do.

        Raises:
            ValueError: none is named.
        """
        for line in resolv_conf.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                # nginx wants an address of IPv6 in brackets.
                return cls(f"[{words[1]}]" if ":" in words[1] else words[1], namespace)
        raise ValueError(f"{resolv_conf} names no name server")

    @property
    def domain(self) -> str:
        """What follows the name of a service."""
        return f"{self.namespace}.svc.cluster.local"


def render(where: Surroundings, routes: Iterable[Route], absent: Iterable[Absent]) -> str:
    """Return the configuration.

    Args:
        where: where the gateway runs.
        routes: where paths lead to; one of them is `/`.
        absent: paths that are answered by a text, after the login.
    """
    text = _HEAD.format(
        resolver=where.resolver,
        domain=where.domain,
        namespace=where.namespace,
        port=PORT,
        status_port=STATUS_PORT,
    )
    routes = list(routes)
    root = next(route for route in routes if route.prefix == "/")
    for route in routes:
        text += _location(route.prefix, route, where)
        text += _bare(route.prefix, root, where)
    for item in absent:
        text += _absent(item) + _bare(item.prefix, root, where)
    return text + "  }\n}\n"


def _bare(prefix: str, root: Route, where: Surroundings) -> str:
    """Return the location of a prefix without its slash: nginx would redirect there without a login."""
    bare = prefix.rstrip("/")
    return _location(f"= {bare}", root, where) if bare not in ("", prefix) else ""


def _location(matcher: str, route: Route, where: Surroundings) -> str:
    user = '""' if route.open else "$user"
    # Requests that bear codes of a login stay out of the log.
    before = "      error_log stderr crit;\n" if route.open else _VERIFIED
    return (
        f"\n    location {matcher} {{\n"
        f"      set $service {route.service};\n"
        f"      set $upstream {route.service}.{where.domain};\n"
        f"{before}"
        f"      error_page 502 504 = @down;\n"
        f"      client_max_body_size {route.body};\n"
        f"{_FORWARDED}"
        # Never the client's own: nginx drops what is empty.
        f"      proxy_set_header {USER_HEADER} {user};\n"
        f"      proxy_pass http://$upstream:{route.port};\n"
        "    }\n"
    )


def _absent(item: Absent) -> str:
    name = f"@absent_{item.prefix.strip('/')}"
    return (
        f"\n    location {item.prefix} {{\n"
        f"{_VERIFIED}"
        # `return` here would come before the login.
        f"      try_files /nothing {name};\n"
        "    }\n"
        f"    location {name} {{\n"
        f'      return 404 "404: {item.what} ({item.prefix}) are not part of this rehearsal\\n";\n'
        "    }\n"
    )
