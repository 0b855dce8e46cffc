"""The secrets that a lab has: they are learned to be hidden, and go nowhere else."""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets as random
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from lab.collect.guest import KUBECTL, SECONDS
from lab.config import Settings
from lab.masking import SHORTEST, find_forms, is_secret_name
from lab.transport.base import Transport

_FILES = " ".join(
    (
        *("~/.kubeflow-lab/credentials", "~/.kube/config", "~/.ssh/id_*"),
        *("~/.local/share/juju/*.yaml", "~/.local/share/juju/cookies/*", "~/.local/share/juju/ssh/*"),
        *("/var/snap/microk8s/current/credentials/*", "/var/snap/microk8s/current/certs/*.key"),
        "/etc/ssh/ssh_host_*_key",
    )
)
LONG = 12
"""Characters from which on a value counts as a secret even if its name does not say so."""

# They are in secrets, but known to everybody, and without them nothing could be read any more.
_WORDS = frozenset(
    {
        *("admin", "default", "false", "kubeflow", "localhost", "minio", "none", "null"),
        *("root", "true", "user", "username"),
    }
)
# token,user,user-id,groups
_TOKEN_LINE = re.compile(rf"^([\w+/=.-]{{{LONG},}}),[\w:-]+,[\w:-]+", re.MULTILINE)
_PUBLIC = re.compile(r"(crt|\.pub|namespace|user(name)?|host|port|url|type|email|name)$", re.IGNORECASE)


def of_host(settings: Settings, environ: Mapping[str, str]) -> set[str]:
    """Return the secrets in the lab's state on the host and in the environment."""
    found = set(_in_environment(environ))
    keys = settings.root.glob(f".vagrant/machines/{settings.name}/*/private_key")
    for path in (*(settings.state_dir / name for name in ("credentials", "kubeconfig", "id_ed25519")), *keys):
        found |= set(in_text(_read(path)))
    return wanted(found, settings)


def of_files(transport: Transport, settings: Settings) -> set[str]:
    """Return the secrets in files of the guest.

    Raises:
        LabError: The guest does not answer.
    """
    mark = f"@@{random.token_hex(8)}"
    script = f"for file in $(sudo -n bash -c 'HOME='\"$HOME\"'; ls -d {_FILES}' 2>/dev/null); do\n"
    script += f'  echo; echo {mark}; sudo -n cat "$file"\ndone'
    texts = transport.run(script, timeout=SECONDS).stdout.split(f"\n{mark}\n")[1:]
    return wanted((value for text in texts for value in in_text(text)), settings)


def of_kubernetes(transport: Transport, settings: Settings) -> set[str]:
    """Return the values of the Secrets in the guest's Kubernetes.

    Raises:
        LabError: Kubernetes does not answer.
        ValueError: It answers something else.
    """
    answer = transport.run(f"{KUBECTL} get secrets --all-namespaces -o json", timeout=SECONDS).check()
    return wanted(in_kubernetes(answer.stdout), settings)


def wanted(values: Iterable[str], settings: Settings) -> set[str]:
    """Return the values that can be hidden: names of what is in the lab are no secrets."""
    names = _WORDS | set(settings.edition.expect.applications) | {settings.name, settings.edition.name}
    names |= set(settings.provision_env.values()) | set(settings.edition.expect.snaps)
    return {
        value for value in values if len(value.strip()) >= SHORTEST and value.strip().lower() not in names
    }


def in_text(text: str) -> Iterator[str]:
    """Yield the secrets in a file of a lab: settings, YAML, JSON, tokens in lines with commas, keys."""
    yield from find_forms(text)
    yield from _TOKEN_LINE.findall(text)
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError:
        return
    for document in documents:
        yield from _in_data(document, secret=False)


def in_kubernetes(listing: str) -> Iterator[str]:
    """Yield the values in what ``kubectl get secrets -o json`` prints, as they are and in base64.

    Raises:
        ValueError: It is something else.
    """
    data = json.loads(listing)
    if not isinstance(data, dict):
        raise ValueError("kubectl did not answer with a list of Secrets")
    for item in data.get("items") or ():
        for name, encoded in (item.get("data") or {}).items():
            if _PUBLIC.search(name):
                continue
            try:
                value = base64.b64decode(encoded).decode("utf-8")
            except (binascii.Error, UnicodeDecodeError):
                # No text, so it could only be written in base64.
                yield encoded
                continue
            yield from in_text(value)
            if is_secret_name(name) or "key" in name.lower() or len(value) >= LONG:
                yield value
                yield encoded


def _in_environment(environ: Mapping[str, str]) -> Iterator[str]:
    for name, value in environ.items():
        if is_secret_name(name):
            yield value
        if name.lower().endswith("_proxy") and (password := urllib.parse.urlsplit(value).password):
            yield password
            yield urllib.parse.unquote(password)


def _in_data(data: object, *, secret: bool) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            # What is below such a name may have parts that are none, which are short.
            yield from _in_data(value, secret=secret or is_secret_name(str(key)))
            if isinstance(value, (str, int)) and is_secret_name(str(key)):
                yield str(value)
    elif isinstance(data, list):
        for value in data:
            yield from _in_data(value, secret=secret)
    elif secret and isinstance(data, str) and len(data) >= LONG:
        yield data


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
