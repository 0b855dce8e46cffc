"""Calls to a cluster through the snap's own kubectl."""

from __future__ import annotations

import json
import os

from .errors import JujuError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def kubectl_program() -> str:
    """The kubectl of this snap, or the one on PATH when run from a source tree."""
    packed = os.path.join(os.environ.get("SNAP", ""), "bin", "kubectl")
    return packed if os.access(packed, os.X_OK) else "kubectl"


class KubeError(JujuError):
    """kubectl failed; the message is its last line."""


class NotFoundError(KubeError):
    """The object does not exist."""


def _execute(argv: list[str], *, text: str | None, pass_fds: tuple[int, ...], timeout: float) -> str:
    # Most commands ask the controller without it.
    import subprocess

    try:
        done = subprocess.run(
            argv,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            encoding="utf-8",
            pass_fds=pass_fds,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise KubeError(f"the Kubernetes API did not answer within {timeout:.0f}s") from None
    except OSError as error:
        raise KubeError(f"cannot run kubectl: {error.strerror}") from None
    if done.returncode == 0:
        return done.stdout
    lines = done.stderr.strip().splitlines() or [f"kubectl ended with {done.returncode}"]
    message = lines[-1].removeprefix("Error from server ").removeprefix("error: ")
    if "(NotFound)" in lines[-1] or "could not find the requested resource" in lines[-1]:
        raise NotFoundError(message)
    raise KubeError(message)


def read_kubeconfig(text: str | None, path: str | None) -> dict[str, Any]:
    """Have kubectl read a kubeconfig, from a text or a file, as JSON with everything inlined."""
    argv = [kubectl_program(), "config", "view", "--raw", "--flatten", "-o", "json"]
    if text is None:
        output = _execute([*argv, f"--kubeconfig={path}"], text=None, pass_fds=(), timeout=30)
    else:
        with _MemoryFile(text) as file:
            output = _execute(
                [*argv, f"--kubeconfig={file.path}"], text=None, pass_fds=(file.fd,), timeout=30
            )
    config: dict[str, Any] = json.loads(output)
    return config


class _MemoryFile:
    """A file that exists in memory only, so that no credential is left on a disk."""

    def __init__(self, text: str) -> None:
        self.fd = os.memfd_create("kubeconfig")
        os.write(self.fd, text.encode())
        self.path = f"/proc/self/fd/{self.fd}"

    def __enter__(self) -> _MemoryFile:
        return self

    def __exit__(self, *unused: object) -> None:
        os.close(self.fd)


class Kube:
    """A cluster as one account sees it.

    Args:
        server: the API server's address.
        ca: its certificate authority, PEM.
        user: the ``user`` entry of a kubeconfig, for example ``{"token": ...}``.
        cache: a directory for kubectl's discovery cache.
    """

    def __init__(self, server: str, ca: str, user: dict[str, Any], cache: str) -> None:
        cluster: dict[str, Any] = {"server": server}
        if ca:
            # base64 by binascii: the base64 module pulls in re.
            from binascii import b2a_base64

            cluster["certificate-authority-data"] = b2a_base64(ca.encode(), newline=False).decode()
        else:
            cluster["insecure-skip-tls-verify"] = True
        self._config = json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": user}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
        self._cache = cache

    def _kubectl(self, *args: str, text: str | None = None, timeout: float = 60) -> str:
        with _MemoryFile(self._config) as file:
            argv = [
                kubectl_program(),
                f"--kubeconfig={file.path}",
                f"--cache-dir={self._cache}",
                f"--request-timeout={timeout:.0f}s",
                *args,
            ]
            return _execute(argv, text=text, pass_fds=(file.fd,), timeout=timeout + 5)

    def get(self, path: str, timeout: float = 60) -> dict[str, Any]:
        """GET an API path."""
        found: dict[str, Any] = json.loads(self._kubectl("get", "--raw", path, timeout=timeout))
        return found

    def post(self, path: str, body: str, timeout: float = 60) -> str:
        """POST to an API path; without discovery, so this is the quick way."""
        return self._kubectl("create", "--raw", path, "-f", "-", text=body, timeout=timeout)

    def delete(self, path: str) -> None:
        """DELETE an API path; an absent object is no error."""
        try:
            self._kubectl("delete", "--raw", path)
        except NotFoundError:
            return

    def create(self, objects: list[dict[str, Any]]) -> None:
        """Create objects of any kind in order."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        # The schema is large and the objects are our own: no client-side validation.
        self._kubectl("create", "--validate=false", "-f", "-", text=text, timeout=120)
