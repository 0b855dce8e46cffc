"""The addons there are, and how the words after `enable` and `disable` are understood."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mk8s.snap import CommandError

REPOSITORY = "core"


@dataclass(frozen=True)
class Addon:
    """An addon of the core repository.

    Attributes:
        name: what users call it.
        description: one line for `status`.
        version: of what it installs.
        check: the start of an object's name; the addon counts as enabled as soon as such an object exists,
            whether it works yet or not.
    """

    name: str
    description: str
    version: str
    check: str


# Sorted by name, as `status` prints them.
ADDONS = (
    Addon("dns", "CoreDNS", "1.10.1", "pod/coredns"),
    Addon(
        "hostpath-storage",
        "Storage class; allocates storage from host directory",
        "1.5.0",
        "deployment.apps/hostpath-provisioner",
    ),
    Addon(
        "ingress",
        "Ingress controller for external access",
        "1.11.5",
        "pod/nginx-ingress-microk8s-controller",
    ),
    Addon("metallb", "Loadbalancer for your Kubernetes cluster", "0.13.3", "pod/speaker"),
    Addon(
        "rbac",
        "Role-Based Access Control for authorisation",
        "1.20",
        "clusterrole.rbac.authorization.k8s.io/cluster-admin",
    ),
    Addon(
        "storage",
        "Alias to hostpath-storage add-on, deprecated",
        "1.5.0",
        "deployment.apps/hostpath-provisioner",
    ),
)
NAMES = tuple(addon.name for addon in ADDONS)

SEVERAL_ADDONS = """\
WARNING: Do not enable or disable multiple addons in one command.
         This form of chained operations on addons will be DEPRECATED in the future.
         Please, enable one addon at a time: 'microk8s enable <addon>'"""

MIXED_ARGUMENTS = """\
Can't pass string arguments and flag arguments simultaneously!
Enable or disable addons with only one argument style at a time:

    microk8s enable foo:'bar'
or
    microk8s enable foo --bar
"""


@dataclass(frozen=True)
class Request:
    """One addon to enable or disable, with its arguments."""

    repository: str
    name: str
    arguments: tuple[str, ...] = ()
    inferred: bool = False

    @property
    def title(self) -> str:
        """The full name of the addon."""
        return f"{self.repository}/{self.name}"


def split_word(word: str, names: Collection[str]) -> Request:
    """Understands one word, `[REPOSITORY/]ADDON[:ARG]...`.

    Raises:
        CommandError: no repository has an addon of this name.
    """
    addon, *arguments = word.split(":")
    repository, slash, name = addon.partition("/")
    if slash:
        if "/" in name:
            raise CommandError(f"Invalid addon name {addon}")
        return Request(repository, name, tuple(arguments))
    if addon not in names:
        raise CommandError(f"Addon {addon} was not found in any repository")
    return Request(REPOSITORY, addon, tuple(arguments), inferred=True)


def parse_words(words: Sequence[str], names: Collection[str] = NAMES) -> list[Request]:
    """Understands all words after `enable` or `disable`, traps included.

    Several addons are recognised only if every word is a known addon. One typing error makes all words after
    the first the arguments of the first addon.

    Raises:
        CommandError: an unknown addon, or both kinds of arguments at once.
    """
    if {word.split(":")[0] for word in words} < set(names):
        return [split_word(word, names) for word in words]
    first = split_word(words[0], names)
    if first.arguments and words[1:]:
        raise CommandError(MIXED_ARGUMENTS)
    return [Request(first.repository, first.name, tuple(words[1:]), first.inferred)]


def enabled_names(objects: Collection[str]) -> set[str]:
    """Returns the addons of which the cluster has the telling object.

    Args:
        objects: names of the cluster's objects, each with its kind, such as `pod/coredns-5c9`.
    """
    return {addon.name for addon in ADDONS if any(item.startswith(addon.check) for item in objects)}
