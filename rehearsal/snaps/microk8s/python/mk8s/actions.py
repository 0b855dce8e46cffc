"""What enabling and disabling each addon does."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mk8s.ranges import RangeError, parse_ranges
from mk8s.snap import CommandError, Snap, as_root

Action = Callable[[Snap, Sequence[str]], None]

METALLB_PROMPT = (
    "Enter each IP address range delimited by comma "
    "(e.g. '10.64.140.43-10.64.140.49,192.168.0.105-192.168.0.111'): "
)
METALLB_NO_RANGE = """\
You have to input an IP Range value when asked, or provide it as an argument to the enable command, eg:
  microk8s enable metallb:10.64.140.43-10.64.140.49,192.168.0.105-192.168.0.111"""
METALLB_RETRY_SECONDS = 2


def _no_arguments(addon: str, arguments: Sequence[str]) -> None:
    if arguments:
        raise CommandError(f"Addon core/{addon}: unknown arguments: {' '.join(arguments)}")


def _manifest(snap: Snap, name: str, **values: str) -> str:
    text = (snap.root / "addons" / f"{name}.yaml").read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _apply(snap: Snap, name: str, **values: str) -> None:
    # Validation would fetch the schema of the whole API first.
    snap.kubectl("apply", "--validate=false", "-f", "-", stdin=_manifest(snap, name, **values))


def _delete(snap: Snap, name: str) -> None:
    snap.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=_manifest(snap, name))


def host_nameservers(resolv_conf: str) -> list[str]:
    """Returns the name servers of a resolv.conf that pods can use, which those on a loopback are not."""
    found = re.findall(r"^\s*nameserver\s+(\S+)", resolv_conf, re.MULTILINE)
    return [server for server in found if not server.startswith("127.") and server != "::1"]


def enable_dns(snap: Snap, arguments: Sequence[str]) -> None:
    """Starts the cluster's name server; `dns:A,B` names the servers it forwards to."""
    servers = [server for argument in arguments for server in argument.split(",")]
    for server in servers:
        if subprocess.run(["ip", "route", "get", server], capture_output=True, check=False).returncode:
            raise CommandError(f"Your input value ({server}) is not a valid and reachable IP address")
    if not servers:
        servers = host_nameservers(Path("/etc/resolv.conf").read_text(encoding="utf-8"))
    print("Enabling DNS")
    print(f"Using host configuration from /etc/resolv.conf: {' '.join(servers) or 'no name server'}")
    _apply(snap, "dns", FORWARD=",".join(servers))
    print("DNS is enabled")


def disable_dns(snap: Snap, arguments: Sequence[str]) -> None:
    """Removes the cluster's name server."""
    _no_arguments("dns", arguments)
    print("Disabling DNS")
    _delete(snap, "dns")
    print("DNS is disabled")


def enable_storage(snap: Snap, arguments: Sequence[str]) -> None:
    """Starts the provisioner and makes its class the default."""
    _no_arguments("hostpath-storage", arguments)
    print("Enabling default storage class.")
    print("WARNING: Hostpath storage is not suitable for production environments.")
    _apply(snap, "hostpath-storage", STORAGE=str(snap.storage))
    print("Storage will be available soon.")


def disable_storage(snap: Snap, arguments: Sequence[str]) -> None:
    """Removes the provisioner; asks about its volumes unless told `destroy-storage`."""
    if list(arguments) not in ([], ["destroy-storage"]):
        _no_arguments("hostpath-storage", arguments)
    print("Disabling default storage")
    destroy = bool(arguments) or _ask(f"Remove PVC storage at {snap.storage} ? (Y/N): ").lower() == "y"
    _delete(snap, "hostpath-storage")
    if destroy:
        subprocess.run(as_root(["rm", "-rf", str(snap.storage)]), check=True)
    print("Storage removed" if destroy else "Storage was not removed")


def enable_ingress(snap: Snap, arguments: Sequence[str]) -> None:
    """Starts the HTTP entrance on ports 80 and 443 of the node."""
    _no_arguments("ingress", arguments)
    print("Enabling Ingress")
    _apply(snap, "ingress")
    print("Ingress is enabled")


def disable_ingress(snap: Snap, arguments: Sequence[str]) -> None:
    """Removes the HTTP entrance."""
    _no_arguments("ingress", arguments)
    print("Disabling Ingress")
    _delete(snap, "ingress")
    print("Ingress is disabled")


def _ask(question: str) -> str:
    print(question, end="", flush=True)
    return sys.stdin.readline().strip()


def enable_metallb(snap: Snap, arguments: Sequence[str]) -> None:
    """Starts the load balancer; asks for its addresses, without a limit, if none were given."""
    print("Enabling MetalLB")
    text = ",".join(arguments) or _ask(METALLB_PROMPT)
    if not text:
        raise CommandError(METALLB_NO_RANGE)
    try:
        ranges = parse_ranges(text)
    except RangeError as error:
        raise CommandError(f"Your input value ({error}) is not a valid IP Range") from error
    print("Applying Metallb manifest")
    _apply(snap, "metallb")
    # Both waits have no end in the real tool either.
    while not _available(snap, "deployment/controller"):
        print("MetalLB controller is still not ready", flush=True)
        time.sleep(METALLB_RETRY_SECONDS)
    pool = _manifest(snap, "metallb-pool", RANGES=", ".join(f'"{item}"' for item in ranges))
    while snap.kubectl("apply", "--validate=false", "-f", "-", stdin=pool, check=False).returncode:
        print("Failed to create default address pool, will retry", flush=True)
        time.sleep(METALLB_RETRY_SECONDS)
    print("MetalLB is enabled")


def _available(snap: Snap, workload: str) -> bool:
    field = "jsonpath={.status.availableReplicas}"
    answer = snap.kubectl("-n", "metallb-system", "get", workload, "-o", field, check=False, quiet=True)
    return answer.stdout not in ("", "0")


def disable_metallb(snap: Snap, arguments: Sequence[str]) -> None:
    """Removes the load balancer."""
    _no_arguments("metallb", arguments)
    print("Disabling MetalLB")
    _delete(snap, "metallb")
    print("MetalLB is disabled")


def set_argument(text: str, name: str, value: str) -> str:
    """Returns the text of an arguments file in which an option has this value."""
    line = f"--{name}={value}"
    changed, count = re.subn(rf"^--{re.escape(name)}=.*$", line, text, flags=re.MULTILINE)
    return changed if count else f"{text.rstrip()}\n{line}\n"


def _authorize(snap: Snap, mode: str) -> None:
    path = snap.args / "kube-apiserver"
    text = set_argument(path.read_text(encoding="utf-8"), "authorization-mode", mode)
    writer = as_root(["tee", str(path)])
    subprocess.run(writer, input=text, text=True, stdout=subprocess.DEVNULL, check=True)
    # snapd refuses while another operation on the snap's services is under way; its text goes to the user.
    subprocess.run(as_root(["snapctl", "restart", "microk8s.daemon-apiserver"]), check=True)


def enable_rbac(snap: Snap, arguments: Sequence[str]) -> None:
    """Makes the API server ask for permissions, and returns while it still restarts."""
    _no_arguments("rbac", arguments)
    print("Enabling RBAC")
    print("Reconfiguring apiserver", flush=True)
    _authorize(snap, "RBAC,Node")
    print("RBAC is enabled")


def disable_rbac(snap: Snap, arguments: Sequence[str]) -> None:
    """Makes the API server allow everything again."""
    _no_arguments("rbac", arguments)
    print("Disabling RBAC")
    # They would still be there, and `status` knows the addon by one of them.
    defaults = "--selector=kubernetes.io/bootstrapping=rbac-defaults"
    snap.kubectl("delete", "clusterrolebindings,clusterroles", defaults)
    print("Reconfiguring apiserver", flush=True)
    _authorize(snap, "AlwaysAllow")
    print("RBAC is disabled")


ENABLE: Mapping[str, Action] = {
    "dns": enable_dns,
    "hostpath-storage": enable_storage,
    "ingress": enable_ingress,
    "metallb": enable_metallb,
    "rbac": enable_rbac,
    "storage": enable_storage,
}
DISABLE: Mapping[str, Action] = {
    "dns": disable_dns,
    "hostpath-storage": disable_storage,
    "ingress": disable_ingress,
    "metallb": disable_metallb,
    "rbac": disable_rbac,
    "storage": disable_storage,
}
