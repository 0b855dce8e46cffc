"""Settings: who wins, what is refused, and in which words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.config import Settings, find_root, load_settings, render_env, state_dir
from lab.errors import UsageError
from lab.files import replace_file
from lab.network.choice import Network
from lab.record import read_record


def load(
    root: Path, text: str | bytes = "", environ: dict[str, str] | None = None, **flags: object
) -> Settings:
    if text:
        (root / "lab.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_settings(root, overrides=flags, environ=environ or {})


def test_without_a_file_the_edition_decides(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert (settings.name, settings.edition.name) == ("kubeflow", "kubeflow-1.8")
    assert (settings.cpus, settings.memory_mib, settings.disk_gib) == (4, 32768, 100)
    assert settings.bundle is None
    assert settings.state_dir == tmp_path / ".lab" / "kubeflow"


def test_flag_over_environment_over_file_over_edition(tmp_path: Path) -> None:
    text = "cpus: 3\nmemory_mib: 3000\ndisk_gib: 30\n"
    settings = load(tmp_path, text, {"LAB_CPUS": "4", "LAB_MEMORY_MIB": "4000"}, cpus=5, disk_gib=None)
    assert (settings.cpus, settings.memory_mib, settings.disk_gib) == (5, 4000, 30)


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    assert load(tmp_path, environ={"LAB_NAME": "", "LAB_CPUS": ""}).name == "kubeflow"


def test_ports_of_the_environment_stand_beside_those_of_the_file(tmp_path: Path) -> None:
    ports = load(tmp_path, "ports: {ssh: 50022, http: 50080}\n", {"LAB_PORTS_HTTP": "50081"}).ports
    assert (ports.ssh, ports.kubernetes, ports.http) == (50022, None, 50081)


def test_the_range_reaches_the_scripts(tmp_path: Path) -> None:
    settings = load(tmp_path, "metallb_range: 10.0.0.1 - 10.0.0.9\n")
    assert settings.provision_env["LAB_METALLB_RANGE"] == "10.0.0.1-10.0.0.9"
    assert settings.edition.provision["LAB_METALLB_RANGE"] == "10.64.140.43-10.64.140.49"


@pytest.mark.parametrize(
    ("text", "code", "said", "hint"),
    [
        ("memory: 3", "LAB-CFG-005", "unknown key 'memory'", "Did you mean 'memory_mib'"),
        ("qqq: 3", "LAB-CFG-005", "unknown key 'qqq'", "Keys: name"),
        ("1: 3", "LAB-CFG-005", "unknown key '1'", "Keys: name"),
        ("ports: {shh: 3}", "LAB-CFG-005", "unknown key 'ports.shh'", "Did you mean 'ports.ssh'"),
        ("ports: {ssh: 22}", "LAB-CFG-006", "'ports.ssh' cannot be 22", "LAB_PORTS_SSH"),
        ("ports: 3", "LAB-CFG-006", "'ports' cannot be 3", "lab.yaml"),
        ("cpus: '3'", "LAB-CFG-006", "'cpus' cannot be '3'", "LAB_CPUS"),
        ("cpus: true", "LAB-CFG-006", "'cpus' cannot be True", "LAB_CPUS"),
        ("cpus: 0", "LAB-CFG-006", "'cpus' cannot be 0", "LAB_CPUS"),
        ("name: Lab_1", "LAB-CFG-006", "'name' cannot be 'Lab_1': use 1 to 40", "LAB_NAME"),
        ("name: ../x", "LAB-CFG-006", "'name' cannot be '../x'", "LAB_NAME"),
        ("provider: kvm", "LAB-CFG-006", "'libvirt' or 'virtualbox'", "LAB_PROVIDER"),
        ("edition: rehearsl", "LAB-CFG-001", "no edition named 'rehearsl'", "Did you mean rehearsal"),
        ("metallb_range: 10.0.0.9-10.0.0.1", "LAB-CFG-006", "comes after the last", "lab.yaml"),
        ("metallb_range: 10.0.0.1-300", "LAB-CFG-006", "write FIRST-LAST", "lab.yaml"),
        ("metallb_range: 10.0.0.0/99", "LAB-CFG-006", "write a network", "lab.yaml"),
        ("metallb_range: [a]", "LAB-CFG-006", "'metallb_range' cannot be", "lab.yaml"),
        ("cpus: 4\nname: [a", "LAB-CFG-004", "line 2, column 9", ""),
        ("a: b: c", "LAB-CFG-004", "line 1", ""),
        ("- a", "LAB-CFG-004", "holds a list", "Keys: name"),
        ("\ta: 1", "LAB-CFG-004", "line 1", ""),
        ("a: \x00", "LAB-CFG-004", "is not YAML", ""),
        (b"cpus: 4\nname: \xff", "LAB-CFG-004", "not UTF-8: byte 0xff in line 2", "UTF-8"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, code: str, said: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    assert caught.value.code == code
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_variable_that_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="LAB_CPUS is not a whole number: 'many'"):
        load(tmp_path, environ={"LAB_CPUS": "many"})


def test_where_the_bundle_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    there = tmp_path / "cache" / "kubeflow-lab" / "bundles" / "rehearsal"
    assert load(tmp_path, edition="rehearsal").bundle == there
    # A path of the file is seen from the file, one of the environment from where one is.
    assert load(tmp_path, "bundle: ~/b\n", edition="rehearsal").bundle == tmp_path / "home" / "b"
    assert load(tmp_path, "bundle: b\n", edition="rehearsal").bundle == tmp_path / "b"
    from_environment = load(tmp_path, environ={"LAB_EDITION": "rehearsal", "LAB_BUNDLE": "c"})
    assert from_environment.bundle == tmp_path / "elsewhere" / "c"


def test_a_lab_keeps_its_edition(tmp_path: Path) -> None:
    load(tmp_path, edition="rehearsal", provider="virtualbox").remember()
    settings = load(tmp_path, "edition: kubeflow-1.8\n")
    assert (settings.edition.name, settings.provider, settings.banner) == (
        "rehearsal",
        "virtualbox",
        "REHEARSAL",
    )
    assert load(tmp_path, name="other").edition.name == "kubeflow-1.8"
    with pytest.raises(UsageError, match="was made with the edition 'rehearsal'") as caught:
        load(tmp_path, edition="kubeflow-1.8")
    assert caught.value.code == "LAB-CFG-007"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema": 9, "edition": "rehearsal"}', '{"schema": 1, "edition": 3}']
)
def test_a_record_that_cannot_be_read_counts_as_missing(tmp_path: Path, text: str) -> None:
    (tmp_path / "lab.json").write_text(text)
    assert read_record(tmp_path) == {}


def test_a_lab_whose_edition_is_lost_is_not_guessed_at(tmp_path: Path) -> None:
    load(tmp_path, edition="rehearsal").remember()
    record = state_dir(tmp_path, "kubeflow") / "lab.json"
    record.write_text(record.read_text()[:20])
    with pytest.raises(UsageError, match="is damaged") as caught:
        load(tmp_path)
    assert caught.value.code == "LAB-CFG-020"
    assert "rehearsal" in caught.value.hint
    load(tmp_path, edition="rehearsal").remember()
    assert load(tmp_path).edition.name == "rehearsal"


@pytest.mark.parametrize("place", ["labs of Łukasz/Über uns", "x" * 200 + "/" + "y" * 200])
def test_a_checkout_may_be_anywhere(tmp_path: Path, place: str) -> None:
    root = tmp_path / place
    root.mkdir(parents=True)
    settings = load(root, edition="rehearsal")
    settings.remember()
    assert load(root).edition.name == "rehearsal"


def test_the_root_is_found_from_below(tmp_path: Path) -> None:
    (tmp_path / "Vagrantfile").touch()
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert find_root(tmp_path / "a" / "b") == tmp_path


def test_no_root(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Vagrantfile"):
        find_root(tmp_path)


def test_a_shell_reads_what_was_written(tmp_path: Path) -> None:
    values = {"LAB_A": "two words", "LAB_B": 'it\'s $HOME `x` "y" \\', "LAB_C": ""}
    path = tmp_path / "lab.env"
    path.write_text(render_env(values))
    command = f'. \'{path}\'; printf \'%s\\n\' "$LAB_A" "$LAB_B" "$LAB_C"'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == list(values.values())


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    replace_file(path, "old")

    def fail(_descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        replace_file(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# --- the network --------------------------------------------------------------------------------


def test_the_network_is_the_hosts_unless_said_otherwise(tmp_path: Path) -> None:
    assert load(tmp_path).network == Network()
    assert set(Network().model_dump().values()) == {"auto"}
    text = "network: {proxy_http: 'proxy.example:3128', no_proxy: [.example, 10.1.2.3], apt_mirror: none}\n"
    network = load(tmp_path, text, {"LAB_NETWORK_PROXY_HTTPS": "http://u:p@other:3128/"}).network
    assert (network.proxy_http, network.proxy_https) == ("http://proxy.example:3128", "http://u:p@other:3128")
    assert (network.no_proxy, network.apt_mirror, network.proxy_apt) == (
        [".example", "10.1.2.3"],
        "none",
        "auto",
    )
    assert "u:p" not in repr(load(tmp_path, environ={"LAB_NETWORK_PROXY_HTTPS": "http://u:p@other:3128"}))


def test_certificate_files_are_found_from_where_they_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert load(tmp_path, "network: {ca_certificates: ca.pem}\n").network.ca_certificates == [
        f"{tmp_path}/ca.pem"
    ]
    environ = {"LAB_NETWORK_CA_CERTIFICATES": "a.pem:/b/c.pem"}
    assert load(tmp_path, environ=environ).network.ca_certificates == ["/a.pem", "/b/c.pem"]
    environ = {"LAB_NETWORK_CA_CERTIFICATES": "none"}
    assert load(tmp_path, environ=environ).network.ca_certificates == "none"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("network: {proxy: x}", "LAB-CFG-005", "network.proxy_http"),
        ("network: {proxy_http: 'socks5://proxy:1080'}", "LAB-CFG-006", "'network.proxy_http'"),
        ("network: {proxy_http: 7}", "LAB-CFG-006", "'network.proxy_http'"),
        ("network: {apt_mirror: 'ftp://mirror/debian'}", "LAB-CFG-006", "'ftp://mirror/debian'"),
        ("network: {no_proxy: 'a b;c'}", "LAB-CFG-006", "'b;c' is neither"),
        ("network: {no_proxy: {}}", "LAB-CFG-006", "'network.no_proxy'"),
        ("network: 1", "LAB-CFG-006", "'network'"),
    ],
)
def test_a_network_that_cannot_be(tmp_path: Path, text: str, code: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    assert caught.value.code == code
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_a_proxys_password_is_in_no_message(tmp_path: Path) -> None:
    for url in ("http://me:secret@proxy:x", "me:se/secret@proxy:1", "https://me:a$secret@proxy:3128"):
        with pytest.raises(UsageError) as caught:
            load(tmp_path, environ={"LAB_NETWORK_PROXY_HTTP": url})
        assert "secret" not in f"{caught.value.message} {caught.value.hint}"
