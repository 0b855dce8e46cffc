"""What the host uses, and what of it reaches the guest."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from lab.errors import HostError, UsageError
from lab.network.choice import Network, redact
from lab.network.discover import HostNetwork, discover
from lab.network.guest import decide
from lab.network.mirror import debian_archive
from lab.process import Result


def pem(name: str, width: int = 64) -> str:
    """A certificate as far as this matters: some bytes in PEM form."""
    text = base64.b64encode(name.encode() * 40).decode()
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


class Host:
    """A host's root directory and its apt-config."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.apt = ""

    def file(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def apt_config(self, argv: Sequence[str], *, timeout: float, **rest: object) -> Result:
        assert tuple(argv[:2]) == ("apt-config", "shell")
        assert argv[2::2] == ("http", "https")
        assert timeout <= 10
        assert not rest
        if self.apt == "absent":
            raise HostError("'apt-config' is not installed", code="LAB-HOST-103")
        return Result(tuple(argv), 0, self.apt, "", 0.0)

    def look(self, environ: Mapping[str, str] | None = None) -> HostNetwork:
        return discover(environ or {}, self.root, release="12", runner=self.apt_config)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_host_that_has_nothing(host: Host) -> None:
    assert host.look() == HostNetwork()
    host.apt = "absent"
    assert host.look() == HostNetwork()


def test_proxies_of_the_environment_in_either_case(host: Host) -> None:
    found = host.look(
        {"HTTP_PROXY": "proxy:3128", "https_proxy": "http://u:p@p2/", "no_proxy": "a, .b 10.0.0.0/8"}
    )
    assert (found.proxy_http, found.proxy_https) == ("http://proxy:3128", "http://u:p@p2")
    assert found.no_proxy == ("a", ".b", "10.0.0.0/8")
    assert found.origins == {"proxy_http": "the environment", "proxy_https": "the environment"}
    assert "u:p" not in repr(found)


def test_what_cannot_be_used_is_said_without_its_password(host: Host) -> None:
    found = host.look({"HTTPS_PROXY": "socks5h://me:secret@proxy:1080", "NO_PROXY": "a$b"})
    assert found.proxy_https == ""
    assert len(found.ignored) == 2
    assert "secret" not in repr(found)


def test_a_cache_for_packages_is_no_proxy_for_the_world(host: Host) -> None:
    host.apt = "http='http://cache:3142'\n"
    found = host.look()
    assert (found.proxy_apt, found.proxy_http, found.proxy_https) == ("http://cache:3142", "", "")


def test_a_proxy_for_all_of_apt_is_one_for_all_unless_the_environment_names_one(host: Host) -> None:
    host.apt = "http='http://proxy:3128/'\nhttps='http://proxy:3128/'\n"
    found = host.look()
    assert {found.proxy_apt, found.proxy_http, found.proxy_https} == {"http://proxy:3128"}
    assert set(found.origins.values()) == {"apt's configuration"}
    assert host.look({"http_proxy": "http://other:1"}).proxy_https == ""
    host.apt = "http='DIRECT'\n"
    assert host.look().proxy_apt == ""


def test_certificates_that_debian_does_not_have(host: Host) -> None:
    host.file("usr/local/share/ca-certificates/school/ca.crt", pem("school"))
    host.file("usr/local/share/ca-certificates/broken.crt", pem("broken").replace("Y", "%"))
    host.file("usr/local/share/ca-certificates/readme.txt", pem("readme"))
    host.file("etc/ssl/all.crt", "# all\n" + pem("debian", 70) + pem("school") + pem("extra"))
    environ = {"SSL_CERT_FILE": "/etc/ssl/all.crt", "REQUESTS_CA_BUNDLE": "/etc/ssl/none.crt"}
    # Nothing to compare with: the host's own alone.
    assert host.look(environ).certificates == (pem("school"),)
    host.file("usr/share/ca-certificates/mozilla/debian.crt", pem("debian"))
    found = host.look(environ)
    assert found.certificates == (pem("school"), pem("extra"))
    assert found.origins == {"ca_certificates": "the host's own"}


DEBIAN = "debian.org"
OS = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"sources.list": "deb [arch=amd64] http://m/debian/ bookworm main\n"}, ("http://m/debian", "")),
        (
            {
                "sources.list": "# deb http://no/debian bookworm main\n",
                "sources.list.d/a.list": "deb http://m/sec bookworm-security main\n",
                "sources.list.d/b.sources": "Types: deb\nEnabled: no\nURIs: http://o/d\nSuites: bookworm\n"
                "\nTypes: deb deb-src\nURIs: https://m/debian\nSuites: bookworm bookworm-updates\n",
                "sources.list.d/c.list.disabled": "deb http://no/debian bookworm main\n",
            },
            ("https://m/debian", "http://m/sec"),
        ),
        ({"sources.list": f"deb http://deb.{DEBIAN}/debian bookworm main\n"}, ("", "")),
        ({"sources.list": "deb http://m/debian trixie main\ndeb cdrom:[x]/ bookworm main\n"}, ("", "")),
    ],
)
def test_the_mirror_of_a_host_of_the_guests_release(
    host: Host, files: dict[str, str], expected: tuple[str, str]
) -> None:
    host.file("etc/os-release", OS)
    for name, text in files.items():
        host.file(f"etc/apt/{name}", text)
    found = host.look()
    assert (found.apt_mirror, found.apt_mirror_security) == expected
    host.file("etc/os-release", OS.replace('"12"', '"13"'))
    assert host.look().apt_mirror == ""


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ("deb http://other/x stable main\ndeb http://m/debian/ trixie main\n", "http://m/debian"),
        ("deb file:/m/debian bookworm main\n", ""),
        ("deb http://m/ubuntu noble main\n", ""),
        ("", ""),
    ],
)
def test_the_server_that_the_hosts_apt_asks(tmp_path: Path, sources: str, expected: str) -> None:
    apt = tmp_path / "etc/apt"
    apt.mkdir(parents=True)
    (apt / "sources.list").write_text(sources)
    assert debian_archive(tmp_path, ["bookworm", "trixie"]) == expected


# --- what reaches the guest ---------------------------------------------------------------------


def test_nothing_is_told_where_there_is_nothing() -> None:
    told = decide(Network(), HostNetwork())
    assert (told.variables, told.certificates, told.remarks) == ({}, "", ())


def test_what_is_written_stands_above_what_is_found() -> None:
    found = HostNetwork(
        proxy_http="http://found:1",
        proxy_https="http://found:2",
        no_proxy=("found",),
        certificates=(pem("found"),),
        apt_mirror="http://found/debian",
        origins={"proxy_http": "the environment", "apt_mirror": "apt's sources"},
        ignored=("The proxy_apt in apt's configuration is not a URL that can be used.",),
    )
    told = decide(Network(proxy_https="http://u:p@written:3", ca_certificates="none"), found)
    assert told.variables == {
        "LAB_PROXY_HTTP": "http://found:1",
        "LAB_PROXY_HTTPS": "http://u:p@written:3",
        "LAB_NO_PROXY": "found",
        "LAB_APT_MIRROR": "http://found/debian",
    }
    assert told.certificates == ""
    assert told.remarks == (
        "The proxy_apt in apt's configuration is not a URL that can be used. The guest does without.",
        "The guest uses proxy_http http://found:1, from the environment.",
        "The guest uses apt_mirror http://found/debian, from apt's sources.",
    )
    none = Network.model_validate(dict.fromkeys(Network.model_fields, "none"))
    assert decide(none, found).variables == {}
    assert decide(Network(), found).certificates == pem("found")


@pytest.mark.parametrize("loopback", ["127.0.0.1", "localhost", "127.0.1.1", "[::1]"])
def test_the_hosts_own_proxy_has_another_address_in_the_guest(loopback: str) -> None:
    told = decide(Network(proxy_http=f"http://u:p@{loopback}:3128"), HostNetwork())
    assert told.variables == {"LAB_PROXY_HTTP": "http://u:p@10.0.2.2:3128"}
    (remark,) = told.remarks
    assert (
        remark
        == f"The guest uses proxy_http http://***@{loopback}:3128; in the guest http://***@10.0.2.2:3128."
    )
    assert decide(Network(proxy_http="http://localhost.example:1"), HostNetwork()).remarks == ()


def test_certificate_files(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("text before\n" + pem("a", 70) + pem("b") + pem("a"))
    (tmp_path / "b.pem").write_text(pem("b"))
    files = [str(tmp_path / "a.pem"), str(tmp_path / "b.pem")]
    assert decide(Network(ca_certificates=files), HostNetwork()).certificates == pem("a") + pem("b")


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "No such file"), ("nothing", "holds no certificate"), (pem("x").replace("e", "%"), "broken")],
)
def test_a_file_without_certificates(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        decide(Network(ca_certificates=[str(path)]), HostNetwork())
    assert caught.value.code == "LAB-CFG-008"


def test_no_password_in_a_url_is_shown() -> None:
    assert redact("via http://me:pass@proxy:1 and https://x@y") == "via http://***@proxy:1 and https://***@y"
