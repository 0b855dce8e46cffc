"""The HTTP entrance of the cluster: nginx, configured from Ingress objects."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
from pathlib import Path

from labaddons.kube import ApiError, Cluster, Key, Mirror, key_of
from labaddons.nginx import CERTIFICATES, Renderer, is_ours, unsupported

INGRESSES = "/apis/networking.k8s.io/v1/ingresses"
SERVICES, ENDPOINTS = "/api/v1/services", "/api/v1/endpoints"
CONFIG = CERTIFICATES / "nginx.conf"
# As the real addon reports: the entrance is the node's own port.
ADDRESS = {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}


class Entrance:
    """The running nginx, and what it was last told."""

    def __init__(self, cluster: Cluster, mirror: Mirror) -> None:
        self._cluster = cluster
        self._mirror = mirror
        self._process: subprocess.Popen[bytes] | None = None
        self._config = ""
        self._reported: set[str] = set()

    def _certificates(self, wanted: set[Key]) -> dict[Key, Path]:
        """Writes the certificates there are into files."""
        files = {}
        for namespace, name in wanted:
            try:
                data = self._cluster.request("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}")["data"]
                parts = {end: base64.b64decode(data[f"tls.{end}"]) for end in ("crt", "key")}
            except (ApiError, OSError, KeyError) as error:
                self._report(f"certificate {namespace}/{name}: {error}")
                continue
            files[namespace, name] = CERTIFICATES / f"{namespace}-{name}"
            for end, content in parts.items():
                (CERTIFICATES / f"{namespace}-{name}.{end}").write_bytes(content)
        return files

    def _report(self, text: str) -> None:
        if text not in self._reported:
            self._reported.add(text)
            print(text, flush=True)

    def update(self) -> None:
        """Makes nginx serve what the Ingress objects say.

        Raises:
            RuntimeError: nginx has ended by itself.
        """
        renderer = Renderer(self._mirror.values(SERVICES), self._mirror.values(ENDPOINTS))
        ours = [item for item in self._mirror.values(INGRESSES) if is_ours(item)]
        for ingress in ours:
            for name in unsupported(ingress):
                self._report(f"{'/'.join(key_of(ingress))}: {name} is not supported; its paths answer 501")
            renderer.add(ingress)
        secrets = {site.secret for site in renderer.sites.values() if site.secret}
        self._serve(renderer.render(self._certificates(secrets)))
        for ingress in ours:
            if ingress.get("status") != ADDRESS:
                namespace, name = key_of(ingress)
                path = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/{name}/status"
                try:
                    self._cluster.patch(path, {"status": ADDRESS})
                except (ApiError, OSError) as error:
                    print(error, flush=True)

    def _serve(self, config: str) -> None:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"nginx ended with exit code {self._process.returncode}")
        if config == self._config:
            return
        CONFIG.write_text(config, encoding="utf-8")
        if subprocess.run(["nginx", "-q", "-t", "-c", str(CONFIG)], check=False).returncode:
            # What was served before goes on being served.
            print("nginx does not take the new configuration", flush=True)
            return
        if self._process is None:
            self._process = subprocess.Popen(["nginx", "-c", str(CONFIG), "-g", "daemon off;"])
        else:
            self._process.send_signal(signal.SIGHUP)
        self._config = config


def main() -> None:
    """Serves until the pod is stopped."""
    CERTIFICATES.mkdir(parents=True, exist_ok=True)
    os.umask(0o077)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    cluster = Cluster()
    mirror = Mirror(cluster, INGRESSES, SERVICES, ENDPOINTS)
    entrance = Entrance(cluster, mirror)
    for _ in mirror.changes(idle=10):
        entrance.update()


if __name__ == "__main__":
    main()
