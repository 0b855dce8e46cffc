"""What is looked at before a lab comes up, and what stops it."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from lab.config import Settings
from lab.editions.baked import verify_baked
from lab.editions.bundle import Manifest, verify_bundle
from lab.network.guest import HOST_ADDRESS, GuestNetwork
from lab.network.mirror import debian_archive
from lab.plan.login import guest_network
from lab.probes.host import (
    acceleration,
    archive,
    baked,
    box,
    bundle,
    disk,
    images,
    places,
    ports,
    programs,
    registries,
    resources,
    session,
    stores,
    surroundings,
    web,
)
from lab.probes.host.examine import Check, examine
from lab.probes.host.finding import (
    BOX,
    BUNDLE,
    COMPUTER,
    DISK,
    NETWORK,
    PLACES,
    PORTS,
    PROGRAMS,
    Finding,
    Report,
)
from lab.process import run
from lab.vm import accelerator
from lab.vm.states import NOT_CREATED, RUNNING

NETWORK_SECONDS = 15.0
PROGRAM_SECONDS = 65.0


def preflight(settings: Settings, state: str) -> Report:
    """Look at what the next `up` needs; a VM that is there needs no store, and one that runs needs nothing.

    Args:
        settings: The lab.
        state: What its machine is: ``not_created``, ``running`` or another.
    """
    if state == RUNNING:
        return Report(())
    sources = _sources(settings, state) if state == NOT_CREATED else ()
    return examine([*_host(settings, state), *sources])


def doctor(settings: Settings, state: str, *, thorough: bool = False) -> Report:
    """Look at everything.

    Args:
        settings: The lab.
        state: What its machine is.
        thorough: Whether to compare the sums of a bundle and a box, too.
    """
    sources = _sources(settings, state, thorough=thorough)
    return examine([*_host(settings, state), *_bundle(settings, thorough=thorough), *sources])


def stop_on(report: Report, *, force: bool, tell: Callable[[str], None]) -> None:
    """Stop at failures; else tell of what is worth knowing.

    Args:
        report: What was found.
        force: Whether to go on in spite of failures.
        tell: Takes a line for the user.

    Raises:
        LabError: There are failures; it is the gravest of them.
    """
    # Without a store another edition is the answer, and that one may need less of everything else.
    failures = sorted(report.failures, key=lambda finding: finding.subject != NETWORK.name)
    if failures and not force:
        for finding in failures[1:]:
            tell(f"{finding.code}: {finding.found}.")
        tell("All there is, with what to do: python -m lab doctor. To go on in spite of it: --force")
        raise failures[0].error()
    for finding in failures:
        tell(f"Ignored (--force): {finding.code}: {finding.found}.")
    for finding in report.warnings:
        tell(f"Warning: {finding.id}: {finding.found}.")


def _host(settings: Settings, state: str) -> Iterator[Check]:
    environ = os.environ
    created, running = state != NOT_CREATED, state == RUNNING
    user = places.read_user()
    yield Check("home", PLACES, lambda: places.home(environ, user))
    yield Check("checkout", PLACES, lambda: places.checkout(settings))
    yield Check("path", PLACES, lambda: places.letters(settings.root))
    yield Check("locale", PLACES, lambda: places.language(environ, settings.root, places.installed_locale))
    yield Check("python", PROGRAMS, programs.python)
    yield Check("vagrant", PROGRAMS, lambda: programs.vagrant(run, shutil.which), PROGRAM_SECONDS)
    if settings.provider == "libvirt":
        own = session.Session.of(environ, os.getuid())
        yield Check("vagrant-libvirt", PROGRAMS, lambda: programs.plugin(run, shutil.which), PROGRAM_SECONDS)
        yield Check("qemu", PROGRAMS, lambda: programs.qemu(run, shutil.which), PROGRAM_SECONDS)
        yield Check("sockets", PROGRAMS, lambda: session.sockets(own))
        yield Check("libvirt", PROGRAMS, lambda: session.libvirt(own, run, shutil.which), PROGRAM_SECONDS)
    else:
        yield Check("virtualbox", PROGRAMS, lambda: programs.virtualbox(run, shutil.which), PROGRAM_SECONDS)
    yield Check("ssh", PROGRAMS, lambda: programs.ssh(shutil.which))
    yield Check("processors", COMPUTER, lambda: resources.processors(settings, resources.read_processors()))
    yield Check(
        "memory", COMPUTER, lambda: resources.memory(settings, resources.read_memory(), running=running)
    )
    if settings.provider == "libvirt":
        yield Check(
            "acceleration", COMPUTER, lambda: acceleration.acceleration(accelerator.probe), PROGRAM_SECONDS
        )
    yield Check("disk", DISK, lambda: disk.disk(disk.places(settings, environ, created=created)))
    yield Check("ports", PORTS, lambda: ports.ports(settings, running=running))


def _bundle(settings: Settings, *, thorough: bool) -> Iterator[Check]:
    if settings.bundle is None:
        return
    directory = settings.bundle
    verify = (lambda: _verify(settings, directory)) if thorough else None
    yield Check("bundle", BUNDLE, lambda: bundle.bundle(settings, directory, verify), 600.0)


def _verify(settings: Settings, directory: Path) -> Manifest:
    return verify_bundle(directory, settings.edition.name, stamp=settings.make_state_dir() / "bundle.json")


def _sources(settings: Settings, state: str, *, thorough: bool = False) -> Iterator[Check]:
    """Look at where a lab comes from; all that comes from a store is in a box, if it is made from one."""
    file = settings.box
    # Once there is a machine, its box does not matter any more.
    if file is None or state != NOT_CREATED:
        yield from _internet(settings)
        return
    verify = (lambda: verify_baked(file, settings.edition.name)) if thorough else None
    yield Check("baked-box", BOX, lambda: baked.baked(settings, file, datetime.now(UTC), verify), 600.0)


def _internet(settings: Settings) -> Iterator[Check]:
    edition = settings.edition
    if edition.source != "store":
        return
    scripts, guest = settings.provision_env, guest_network(settings)
    proxies = _proxies(guest)
    fetch = web.client(proxies, guest.certificates)
    snaps = {"microk8s": scripts["LAB_MICROK8S_CHANNEL"], "juju": scripts["LAB_JUJU_CHANNEL"]}
    looks: dict[str, Callable[[], Iterator[Finding]]] = {
        "snap-store": lambda: stores.snap_store(snaps, fetch),
        "charmhub": lambda: stores.charmhub(scripts["LAB_CHARM"], scripts["LAB_CHARM_CHANNEL"], fetch),
    }
    told = guest.variables.get("LAB_APT_MIRROR", "").replace(HOST_ADDRESS, "127.0.0.1")
    # Without a setting the guest asks the server of its box; that of a Debian host stands for it.
    if mirror := told or debian_archive(Path("/"), archive.CODENAMES.values()):
        looks["debian-archive"] = lambda: archive.archive(mirror, edition.expect.debian, fetch)
    if (name := edition.box.name) is not None:
        home = disk.vagrant_home(os.environ)
        looks["box"] = lambda: box.box(name, settings.provider, home, fetch)
    for registry in edition.registries:
        looks[registry.host] = functools.partial(registries.registry, registry, fetch)
    asked = [registry.host for registry in edition.registries]
    for probe in edition.probe_images:
        looks[images.identity(probe)] = functools.partial(
            images.image, probe, settings.applications, fetch, asked
        )
    urls = [
        stores.SNAP_STORE,
        stores.CHARMHUB,
        *(f"https://{registry.host}/v2/" for registry in edition.registries),
    ]
    hosts = [url.split("/")[2] for url in urls]
    looks |= {
        "docker-hub-pulls": lambda: registries.docker_hub(fetch),
        "dns": lambda: surroundings.names(hosts, proxied="https" in proxies),
        "clock": lambda: surroundings.clock(urls[:3], fetch),
        "proxy": lambda: surroundings.proxy(os.environ),
        "certificates": lambda: surroundings.certificates(os.environ),
        "guest": lambda: surroundings.told(guest.remarks),
    }
    for identity, look in looks.items():
        yield Check(identity, NETWORK, look, NETWORK_SECONDS)


def _proxies(guest: GuestNetwork) -> dict[str, str]:
    """Return the proxies that the guest will use, as the host reaches them."""
    told = guest.variables
    chosen = {
        # Debian's archive is all that is asked without encryption.
        "http": told.get("LAB_PROXY_APT") or told.get("LAB_PROXY_HTTP", ""),
        "https": told.get("LAB_PROXY_HTTPS", ""),
    }
    return {scheme: url.replace(HOST_ADDRESS, "127.0.0.1") for scheme, url in chosen.items() if url}
