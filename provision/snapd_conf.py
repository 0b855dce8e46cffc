"""Tells snapd of proxies and certificate authorities over its socket.

`snap set` takes values as arguments, which every user of the machine can read, and a proxy's
address may hold a password.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import sys
import time
from pathlib import Path

TYPE_CHECKING = False  # in an emulated guest each import counts
if TYPE_CHECKING:
    from typing import Any

SECONDS = 120.0
TEMPFAIL = 75
PREFIX = "kubeflow-lab-"  # of the names of our certificates


class Snapd(http.client.HTTPConnection):
    """A connection to snapd."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Return snapd's answer.

        Raises:
            OSError: It refuses.
        """
        self.request(method, path, None if body is None else json.dumps(body))
        answer: dict[str, Any] = json.loads(self.getresponse().read())
        if answer["type"] == "error":
            raise OSError(answer["result"]["message"])
        return answer


def wanted(environ: dict[str, str], authorities: str) -> dict[str, str]:
    """Return the options to set, from the scripts' environment and a directory of PEM files."""
    names = {"http": "HTTP_PROXY", "https": "HTTPS_PROXY", "no-proxy": "NO_PROXY"}
    options = {f"proxy.{key}": environ[name] for key, name in names.items() if environ.get(name)}
    for path in sorted(Path(authorities).iterdir()):
        options[f"store-certs.{path.stem}"] = path.read_text(encoding="utf-8")
    return options


def changes(options: dict[str, str], current: dict[str, Any]) -> dict[str, str | None]:
    """Return what has to be set; `None` takes an option away."""
    there = {f"proxy.{key}": value for key, value in (current.get("proxy") or {}).items()}
    certificates = (current.get("store-certs") or {}).items()
    there.update({f"store-certs.{key}": value for key, value in certificates if key.startswith(PREFIX)})
    ours = {"proxy.http", "proxy.https", "proxy.no-proxy"}
    gone = [key for key in there if key not in options and (key in ours or key.startswith("store-certs."))]
    new = {key: value for key, value in options.items() if there.get(key) != value}
    return {**dict.fromkeys(gone), **new}


def put(snapd: Snapd, options: dict[str, str | None]) -> None:
    """Set options and wait until they are in force.

    Raises:
        OSError: snapd refuses, or does not come to an end.
    """
    change = snapd.ask("PUT", "/v2/snaps/system/conf", options)["change"]
    end = time.monotonic() + SECONDS
    while True:
        result = snapd.ask("GET", f"/v2/changes/{change}")["result"]
        if result["ready"]:
            break
        if time.monotonic() > end:
            raise OSError(f"change {change} did not end within {SECONDS:.0f} s")
        time.sleep(0.2)
    if result["status"] != "Done":
        raise OSError(result.get("err") or f"change {change} ended as {result['status']}")


def main(arguments: list[str]) -> int:
    """`wanted AUTHORITIES`, or `check SOCKET` and `apply SOCKET` with what that says on standard input."""
    if arguments[0] == "wanted":
        sys.stdout.write(json.dumps(wanted(dict(os.environ), arguments[1])))
        return 0
    options = json.load(sys.stdin)
    snapd = Snapd(arguments[1])
    try:
        needed = changes(options, snapd.ask("GET", "/v2/snaps/system/conf")["result"])
        if arguments[0] == "check":
            return 1 if needed else 0
        if needed:
            put(snapd, needed)
    except (OSError, http.client.HTTPException) as error:
        reason = re.sub(r"//[^/@\s]*@", "//***@", str(error))
        sys.stderr.write(f"::error snapd did not take the network settings: {reason}\n")
        return TEMPFAIL
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
