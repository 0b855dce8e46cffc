"""Settings of one lab: flags over environment over ``lab.yaml`` over the edition."""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from lab.editions import DEFAULT_EDITION, Edition, edition_names, load_edition
from lab.editions.baked import read_baked
from lab.errors import HostError, UsageError
from lab.network.choice import AUTO, NONE, Network
from lab.options import Applications, OptionValue, merge, parse_variable, render_options, stack
from lab.record import RECORD, read_record, write_record

CONFIG_FILE = "lab.yaml"
DEFAULT_NAME = "kubeflow"


def _check_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", value):
        raise ValueError("use 1 to 40 lower-case letters, digits and hyphens, with no hyphen at the ends")
    return value


def _check_range(value: str) -> str:
    first, dash, last = value.partition("-")
    try:
        if not dash:
            ipaddress.IPv4Network(value)
        elif ipaddress.IPv4Address(first.strip()) > ipaddress.IPv4Address(last.strip()):
            raise ValueError("the first address of the range comes after the last")
    except ipaddress.AddressValueError as error:
        raise ValueError(f"{error}; write FIRST-LAST such as 10.64.140.43-10.64.140.49") from error
    except ipaddress.NetmaskValueError as error:
        raise ValueError(f"{error}; write a network such as 10.64.140.0/28") from error
    return value.replace(" ", "")


Name = Annotated[str, AfterValidator(_check_name)]
AddressRange = Annotated[str, AfterValidator(_check_range)]
Port = Annotated[int, Field(ge=1024, le=65535)]
Provider = Literal["libvirt", "virtualbox"]


class Ports(BaseModel):
    """Ports on 127.0.0.1 of the host that lead into the VM; ``None``: one that is free, or none."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    ssh: Port | None = None
    kubernetes: Port | None = None
    http: Port | None = None


class _Choices(BaseModel):
    """What ``lab.yaml``, the environment and flags may say; everything is optional."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Name = DEFAULT_NAME
    edition: str = DEFAULT_EDITION
    provider: Provider = "libvirt" if sys.platform.startswith("linux") else "virtualbox"
    cpus: Annotated[int, Field(ge=1, le=256)] | None = None
    memory_mib: Annotated[int, Field(ge=512)] | None = None
    disk_gib: Annotated[int, Field(ge=4)] | None = None
    metallb_range: AddressRange | None = None
    bundle: str | None = None
    box: str | None = None
    ports: Ports = Ports()
    network: Network = Network()
    applications: Applications = {}


# Keys with keys of their own; their variables are LAB_<KEY>_<KEY>.
_GROUPS: dict[str, type[BaseModel]] = {"ports": Ports, "network": Network}
_CA_VARIABLE = "LAB_NETWORK_CA_CERTIFICATES"
_YAML_HINT = "Write one 'key: value' a line, indented by blanks; docs/settings.md lists the keys."
_NUMBERS = ("cpus", "memory_mib", "disk_gib")


class Settings(BaseModel):
    """One lab, with everything decided.

    Attributes:
        root: The directory of the ``Vagrantfile``.
        bundle: The directory with snaps, images and box; ``None`` for a store edition.
        box: What `lab bake` has packed and the machine is made from; ``None`` for the edition's own box.
        applications: Options of Juju's applications: the edition's and, above them, this lab's.
        provision_env: The ``LAB_*`` environment of the scripts in the guest.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    edition: Edition
    root: Path
    provider: Provider
    cpus: int
    memory_mib: int
    disk_gib: int
    bundle: Path | None
    box: Path | None
    ports: Ports
    network: Network
    applications: dict[str, dict[str, OptionValue]]
    provision_env: dict[str, str]

    @property
    def state_dir(self) -> Path:
        """Where this lab's state is kept on the host."""
        return state_dir(self.root, self.name)

    @property
    def banner(self) -> str:
        """The word that marks what is not the real thing; empty for the real thing."""
        return self.edition.banner

    @property
    def provision_dir(self) -> Path:
        """Where the step scripts are."""
        return self.root / "provision"

    def make_state_dir(self) -> Path:
        """Create the state directory, readable by its owner alone, and return it."""
        self.state_dir.parent.mkdir(mode=0o700, exist_ok=True)
        self.state_dir.mkdir(mode=0o700, exist_ok=True)
        self.state_dir.chmod(0o700)
        return self.state_dir

    def remember(self, *, box: Path | str | None = None) -> None:
        """Write down what the lab is made with, so that later commands need no flags.

        Args:
            box: The box that its machine is made from, if `lab bake` has packed it.
        """
        write_record(self.make_state_dir(), edition=self.edition.name, provider=self.provider, box=box)


def state_dir(root: Path, name: str) -> Path:
    """Return the state directory of the lab ``name``."""
    return root / ".lab" / name


def cache_dir() -> Path:
    """Return the cache that all labs of this user share."""
    return platformdirs.user_cache_path("kubeflow-lab")


def find_root(start: Path) -> Path:
    """Return the nearest directory with a ``Vagrantfile``, from ``start`` upwards.

    Raises:
        UsageError: There is none.
    """
    for directory in (start, *start.parents):
        if (directory / "Vagrantfile").is_file():
            return directory
    raise UsageError(
        f"There is no Vagrantfile in '{start}' or above it.",
        code="LAB-CFG-003",
        hint="Run the command in the checkout of this project.",
    )


def load_settings(root: Path, *, overrides: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """Decide every setting of a lab.

    A lab that exists keeps the edition, the provider and the box it was made with, unless one
    is asked for by a flag or by the environment. Where nobody names an edition, a box does.

    Args:
        root: The directory of the ``Vagrantfile``.
        overrides: Flags of the command line by key of ``lab.yaml``; ``None`` means not given.
        environ: The environment; ``LAB_<KEY>`` stands above ``lab.yaml``.

    Raises:
        UsageError: Something is unknown, of the wrong type or out of range.
        HostError: A flag names a box that cannot be read, and nobody names an edition.
    """
    from_file = _read_file(root / CONFIG_FILE)
    from_environment = _read_environment(environ)
    from_flags = {key: value for key, value in overrides.items() if value is not None}
    asked: dict[str, Any] = {**from_file, **from_environment, **from_flags}
    for group in _GROUPS:
        if isinstance(from_file.get(group), dict) and group in from_environment:
            asked[group] = {**from_file[group], **from_environment[group]}
    if "applications" in from_file and "applications" in from_environment:
        asked["applications"] = stack(from_file["applications"], from_environment["applications"])
    name = _choices(asked, root / CONFIG_FILE).name

    record = read_record(state_dir(root, name))
    explicit = {**from_environment, **from_flags}
    if not record and "edition" not in explicit and (state_dir(root, name) / RECORD).exists():
        # A guess could carry the real sequence out in a rehearsal's machine.
        raise UsageError(
            f"'{state_dir(root, name) / RECORD}' is damaged, so it is not known of which edition the lab "
            f"'{name}' is.",
            code="LAB-CFG-020",
            hint=f"Say it by --edition; 'up' writes it down again. Editions: {', '.join(edition_names())}.",
        )
    asked.update({key: value for key, value in record.items() if key not in explicit})
    choices = _choices(asked, root / CONFIG_FILE)
    box = _box(choices.box, Path.cwd() if "box" in explicit else root)
    named = (
        choices.edition if box is None or "edition" in asked else _edition_of(box, strict="box" in from_flags)
    )
    edition = load_edition(named)

    if record.get("edition", edition.name) != edition.name:
        raise UsageError(
            f"The lab '{name}' was made with the edition '{record['edition']}', not '{edition.name}'.",
            code="LAB-CFG-007",
            hint=f"Take another name (--name), or remove it first: python -m lab --name {name} down",
        )
    provision_env = dict(edition.provision)
    if choices.metallb_range is not None:
        provision_env["LAB_METALLB_RANGE"] = choices.metallb_range
    applications = merge(edition.applications, choices.applications)
    provision_env["LAB_APP_CONFIG"] = render_options(applications)
    return Settings(
        name=name,
        edition=edition,
        root=root,
        provider=choices.provider,
        cpus=choices.cpus or edition.host.cpus,
        memory_mib=choices.memory_mib or edition.host.memory_mib,
        disk_gib=choices.disk_gib or edition.host.disk_gib,
        bundle=_bundle(choices, edition, root, relative_to=Path.cwd() if "bundle" in explicit else root),
        box=box,
        ports=choices.ports,
        network=_network(choices.network, Path.cwd() if _CA_VARIABLE in environ else root),
        applications=applications,
        provision_env=provision_env,
    )


def render_env(provision_env: Mapping[str, str]) -> str:
    """Return the text of ``lab.env``, the file that the scripts in the guest source."""
    lines = []
    for key, value in sorted(provision_env.items()):
        escaped = value.replace("'", "'\\''")
        lines.append(f"export {key}='{escaped}'\n")
    return "".join(lines)


def _bundle(choices: _Choices, edition: Edition, root: Path, *, relative_to: Path) -> Path | None:
    if edition.source == "store":
        return None
    if choices.bundle is None:
        path = cache_dir() / "bundles" / edition.name
    else:
        path = relative_to / Path(choices.bundle).expanduser()
    # Another checkout may let the name lead elsewhere while this one is at work.
    return path.resolve()


def _box(choice: str | None, relative_to: Path) -> Path | None:
    return None if choice is None else (relative_to / Path(choice).expanduser()).resolve()


def _edition_of(box: Path, *, strict: bool) -> str:
    try:
        return read_baked(box).edition
    except HostError:
        # That the box is gone concerns nobody but the one who wants to make a lab of it.
        if strict:
            raise
        return DEFAULT_EDITION


def _network(network: Network, relative_to: Path) -> Network:
    if isinstance(network.ca_certificates, str):
        return network
    files = [str(relative_to / Path(name).expanduser()) for name in network.ca_certificates]
    return network.model_copy(update={"ca_certificates": files})


def _read_file(path: Path) -> dict[str, Any]:
    import yaml

    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(
            f"'{path}' is not UTF-8: byte 0x{error.object[error.start]:02x} in line {line}.",
            code="LAB-CFG-004",
            hint="Save the file as UTF-8.",
        ) from error
    try:
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UsageError(
            f"'{path}'{where}: {error.problem or error.context}.", code="LAB-CFG-004", hint=_YAML_HINT
        ) from error
    except yaml.YAMLError as error:
        raise UsageError(f"'{path}' is not YAML: {error}", code="LAB-CFG-004", hint=_YAML_HINT) from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise UsageError(
            f"'{path}' holds a {type(data).__name__}, not keys with values.",
            code="LAB-CFG-004",
            hint=f"Keys: {', '.join(_Choices.model_fields)}.",
        )
    _refuse_unknown(data, _Choices.model_fields, path, "")
    for group, model in _GROUPS.items():
        if isinstance(data.get(group), dict):
            _refuse_unknown(data[group], model.model_fields, path, f"{group}.")
    return data


def _refuse_unknown(data: Mapping[Any, Any], known: Iterable[str], path: Path, prefix: str) -> None:
    names = list(known)
    for key in data:
        if key in names:
            continue
        near = difflib.get_close_matches(str(key), names, n=1, cutoff=0.4)
        guess = f"Did you mean '{prefix}{near[0]}'? " if near else ""
        raise UsageError(
            f"'{path}' has an unknown key '{prefix}{key}'.",
            code="LAB-CFG-005",
            hint=f"{guess}Keys: {', '.join(prefix + name for name in names)}.",
        )


def _read_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key in _Choices.model_fields:
        value = environ.get(f"LAB_{key.upper()}", "")
        if key == "applications" and value:
            values[key] = parse_variable(value)
        elif key not in _GROUPS and value:
            values[key] = _number(value, f"LAB_{key.upper()}") if key in _NUMBERS else value
    for group, model in _GROUPS.items():
        prefix = f"LAB_{group.upper()}_"
        given = {key: value for key in model.model_fields if (value := environ.get(prefix + key.upper(), ""))}
        if given:
            values[group] = {key: _member(value, prefix + key.upper()) for key, value in given.items()}
    return values


def _member(value: str, variable: str) -> int | str | list[str]:
    """Return the value of a key in a group, of the type that the group wants."""
    if variable.startswith("LAB_PORTS_"):
        return _number(value, variable)
    return value.split(os.pathsep) if variable == _CA_VARIABLE and value not in (AUTO, NONE) else value


def _number(value: str, variable: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise UsageError(
            f"{variable} is not a whole number: '{value}'.",
            code="LAB-CFG-006",
            hint=f"Set it to digits alone, or take it away: unset {variable}",
        ) from None


def _choices(asked: Mapping[str, Any], path: Path) -> _Choices:
    try:
        return _Choices.model_validate(dict(asked))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"][:2])
        # A proxy's address may hold a password, and so may an application's option.
        secret = key.startswith(("network.proxy", "applications"))
        shown = "what it is" if secret else repr(first["input"])
        raise UsageError(
            f"'{key}' cannot be {shown}: {first['msg'].removeprefix('Value error, ')}.",
            code="LAB-CFG-006",
            hint=f"It comes from '{path.name}', from LAB_{key.upper().replace('.', '_')} or from a flag.",
        ) from error
