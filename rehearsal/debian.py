"""Debian's packages, from wherever this host gets them.

The host's own package sources say which mirror to use; all state of apt is kept in a private directory, so
that an ordinary user can do this and the host's configuration stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import HostError
from lab.process import Runner
from rehearsal.cache import digest_file
from rehearsal.recipe import Job, Recipe

SUITE = "bookworm"
ARCHITECTURE = "amd64"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
NETWORK_HINT = "Can this host reach its Debian mirror? Try: apt-get update"

PROGRAMS = {
    "etcd-server": ("usr/bin/etcd",),
    "containerd": ("usr/bin/containerd", "usr/bin/containerd-shim-runc-v2", "usr/bin/ctr"),
    "runc": ("usr/sbin/runc",),
    "containernetworking-plugins": tuple(
        f"usr/lib/cni/{plugin}" for plugin in ("bridge", "host-local", "loopback", "portmap")
    ),
    "busybox-static": ("bin/busybox",),
}
"""The programs taken out of binary packages, by package."""


@dataclass(frozen=True, order=True)
class Source:
    """One line of package sources."""

    uri: str
    suite: str
    component: str

    def line(self, kind: str = "deb") -> str:
        """Return it as apt's configuration has it."""
        options = f"arch={ARCHITECTURE}" if kind == "deb" else ""
        if KEYRING.exists():
            options = f"{options} signed-by={KEYRING}".strip()
        return f"{kind} {f'[{options}] ' if options else ''}{self.uri} {self.suite} {self.component}"


def parse_sources(text: str) -> tuple[Source, ...]:
    """Return Debian 12's own sources among lines of `origin|uri|suite|component`.

    A source that apt has never updated has no origin yet: it counts if suite and component are Debian's.
    """
    suites = {SUITE, f"{SUITE}-updates", f"{SUITE}-security"}
    found = set()
    for line in text.splitlines():
        origin, _, rest = line.partition("|")
        uri, suite, component = (*rest.split("|"), "", "")[:3]
        known = origin == "Debian" or not origin or origin.startswith("$(")
        if known and suite in suites and component == "main":
            found.add(Source(uri, suite, component))
    if not any(source.suite == SUITE for source in found):
        raise HostError(
            f"the package sources of this host have no Debian 12 ({SUITE} main)",
            code="LAB-HOST-210",
            hint=f"Build on a Debian 12 host, or add '{SUITE}' main to its /etc/apt/sources.list.d/.",
        )
    return tuple(sorted(found))


def host_sources(runner: Runner, log: Path | None = None) -> tuple[Source, ...]:
    """Return where this host gets Debian 12's packages from."""
    words = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"]
    result = runner([*words, "Created-By: Packages"], timeout=30, log=log)
    result.check(HostError, code="LAB-HOST-211", hint="The rehearsal is built on a Debian host.", log=log)
    return parse_sources(result.stdout)


def acquire_options(runner: Runner) -> list[str]:
    """Return how the host's apt reaches its mirrors (proxies, certificates), for a private configuration."""
    words = ["apt-config", "dump", "--format", '%F "%v";%n', "Acquire::http", "Acquire::https"]
    result = runner(words, timeout=30)
    return [line for line in result.stdout.splitlines() if line.startswith("Acquire::") and '""' not in line]


class Apt:
    """apt with its state in a job's scratch directory."""

    def __init__(self, job: Job, *, with_sources: bool = False) -> None:
        self._job = job
        state = job.work / "apt"
        for part in ("lists/partial", "cache/archives/partial"):
            (state / part).mkdir(parents=True)
        (state / "status").touch()
        kinds = ("deb", "deb-src") if with_sources else ("deb",)
        lines = [source.line(kind) for source in host_sources(job.runner, job.log) for kind in kinds]
        (state / "sources.list").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._options = [
            f"-oDir::Etc::SourceList={state / 'sources.list'}",
            "-oDir::Etc::SourceParts=/dev/null",
            f"-oDir::State={state}",
            f"-oDir::State::Lists={state / 'lists'}",
            f"-oDir::State::Status={state / 'status'}",
            f"-oDir::Cache={state / 'cache'}",
            # It is the caller who writes into the scratch directory, not apt's own user.
            "-oAPT::Sandbox::User=",
            "-oAcquire::Languages=none",
            "-oAcquire::Retries=3",
        ]
        self._get("update", timeout=300)

    def download(self, packages: Iterable[str], directory: Path) -> dict[str, Path]:
        """Fetch binary packages and return their files, by package."""
        directory.mkdir(parents=True, exist_ok=True)
        packages = tuple(packages)
        self._get("download", *packages, timeout=900, cwd=directory)
        return {package: next(directory.glob(f"{package}_*.deb")) for package in packages}

    def source(self, package: str, directory: Path) -> Path:
        """Fetch and unpack a source package with Debian's patches; return its tree."""
        directory.mkdir(parents=True, exist_ok=True)
        self._get("source", "--only-source", package, timeout=900, cwd=directory)
        return next(path for path in directory.iterdir() if path.is_dir())

    def _get(self, command: str, *arguments: str, timeout: float, cwd: Path | None = None) -> None:
        argv: Sequence[str] = ["apt-get", *self._options, "-qq", command, *arguments]
        self._job.run(argv, timeout=timeout, cwd=cwd, hint=NETWORK_HINT)


def unpack(job: Job, package: Path, directory: Path) -> Path:
    """Unpack a binary package's files into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    job.run(["dpkg-deb", "-x", package, directory], timeout=120)
    return directory


def programs() -> Recipe:
    """Return the recipe of the programs taken out of Debian's binary packages."""

    def make(job: Job) -> None:
        job.say("downloading")
        files = Apt(job).download(PROGRAMS, job.work / "debs")
        for package, wanted in PROGRAMS.items():
            tree = unpack(job, files[package], job.work / package)
            for name in wanted:
                target = job.out / ("cni" if "/cni/" in name else "bin") / Path(name).name
                target.parent.mkdir(exist_ok=True)
                (tree / name).rename(target)

    inputs = {"recipe": digest_file(Path(__file__))}
    return Recipe("programs", "etcd, containerd and busybox from Debian's packages", inputs, make)
