"""What ``microk8s inspect`` packs up in the guest."""

from __future__ import annotations

import base64
import io
import re
import tarfile
from collections.abc import Iterator

from lab.collect.piece import Piece
from lab.transport.base import Transport

NAME = "microk8s/inspect"
COMMAND = "sudo -n /snap/bin/microk8s inspect"
INSPECT_SECONDS = 300
FETCH_SECONDS = 180.0
LARGEST_MIB = 64

_SCRIPT = f"""
report=$(sudo -n timeout --kill-after=10 {INSPECT_SECONDS} /snap/bin/microk8s inspect 2>&1)
code=$?
file=$(printf '%s\\n' "$report" | grep -o '/[^ ]*inspection-report-[^ ]*\\.tar\\.gz' | tail -n 1)
if [ -z "$file" ]; then
  printf '%s\\n' "$report" | tail -n 5 >&2
  [ "$code" != 124 ] || echo 'it did not end in time' >&2
  exit 1
fi
trap 'sudo -n rm -f "$file"' EXIT
if [ "$(sudo -n stat -c %s "$file")" -gt {LARGEST_MIB * 1024 * 1024} ]; then
  echo 'the report is too large' >&2
  exit 1
fi
sudo -n base64 --wrap=8192 "$file"
"""

# Their names say that they are secret as a whole.
_SECRET_FILE = re.compile(r"(\.key|_key|tokens?\.csv|\.p12|/credentials/[^/]*)$")


def fetch(transport: Transport) -> bytes:
    """Let the guest make its report and return it, a packed tar archive with all its secrets.

    Raises:
        LabError: There is none, or not in time.
        ValueError: It did not arrive as it was sent.
    """
    result = transport.run(_SCRIPT, timeout=INSPECT_SECONDS + FETCH_SECONDS).check()
    return base64.b64decode("".join(result.stdout.split()), validate=True)


def unpack(archive: Piece) -> Iterator[Piece]:
    """Take a report apart: only texts can be searched for secrets, so nothing else is kept.

    Raises:
        OSError: The archive is damaged.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive.data), mode="r:gz") as tar:
            for member in tar:
                stream = tar.extractfile(member) if member.isfile() else None
                if stream is not None:
                    yield _piece(archive, member.name, stream.read())
    except (tarfile.TarError, EOFError) as error:
        raise OSError(f"the report of microk8s inspect is damaged: {error}") from error


def _piece(archive: Piece, member: str, data: bytes) -> Piece:
    # The first part of the path is the report's date.
    path = "/".join(part for part in member.split("/")[1:] if part not in ("", ".", "..")) or "report"
    name = f"{NAME}/{path}"
    if _SECRET_FILE.search(name):
        problem = "it is left out because it is a secret as a whole"
    elif b"\0" in data or data.startswith(b"\x1f\x8b"):
        problem = "it is left out because it is no text, so nobody can see whether it has secrets"
    else:
        return Piece(name, archive.source, data, archive.returncode)
    return Piece(name, archive.source, problem=problem)
