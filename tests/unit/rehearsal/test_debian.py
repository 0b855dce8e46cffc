"""Package sources, and the private apt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.errors import HostError
from lab.process import Result
from rehearsal import debian
from rehearsal.debian import Apt, Source, acquire_options, host_sources, parse_sources
from rehearsal.recipe import Job

from .conftest import FakeRunner

LINES = """\
Debian|http://mirror.example/debian/|bookworm|main
Debian|http://mirror.example/debian/|bookworm-updates|main
Debian|http://mirror.example/debian/|bookworm|main
Debian|http://mirror.example/debian/|bookworm|non-free
Debian|http://mirror.example/security/|bookworm-security|main
Docker|https://vendor.example/linux|bookworm|main
NodeSource|https://other.example/node|nodistro|main
"""


def test_only_debians_own_sources_count() -> None:
    assert parse_sources(LINES) == (
        Source("http://mirror.example/debian/", "bookworm", "main"),
        Source("http://mirror.example/debian/", "bookworm-updates", "main"),
        Source("http://mirror.example/security/", "bookworm-security", "main"),
    )


@pytest.mark.parametrize("origin", ["", "$(ORIGIN)"])
def test_sources_that_were_never_updated_count_too(origin: str) -> None:
    assert len(parse_sources(f"{origin}|http://mirror.example/debian|bookworm|main\n")) == 1


@pytest.mark.parametrize("text", ["", "Debian|http://mirror.example/debian|trixie|main\n", "rubbish\n"])
def test_a_host_without_debian_12_is_told_so(text: str) -> None:
    with pytest.raises(HostError, match="no Debian 12") as failure:
        parse_sources(text)
    assert "bookworm" in failure.value.hint


def test_a_line_names_the_keyring_if_there_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = Source("http://mirror.example/debian", "bookworm", "main")
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "absent")
    assert source.line("deb-src") == "deb-src http://mirror.example/debian bookworm main"
    monkeypatch.setattr(debian, "KEYRING", tmp_path)
    assert (
        source.line() == f"deb [arch=amd64 signed-by={tmp_path}] http://mirror.example/debian bookworm main"
    )


def test_host_without_apt(runner: FakeRunner) -> None:
    runner.answers["apt-get"] = Result(("apt-get",), 100, "", "E: broken", 0.1)
    with pytest.raises(HostError, match="E: broken"):
        host_sources(runner)


def test_the_hosts_proxy_is_used(runner: FakeRunner) -> None:
    runner.answers["apt-config"] = lambda argv: (
        'Acquire::http "";\nAcquire::http::Proxy "http://proxy.example:3128";\n'
    )
    assert acquire_options(runner) == ['Acquire::http::Proxy "http://proxy.example:3128";']


def test_apt_keeps_its_state_to_itself(runner: FakeRunner, job: Job) -> None:
    directory = job.work / "debs"

    def apt_get(argv: Sequence[str]) -> str:
        if "indextargets" in argv:
            return LINES
        if "download" in argv:
            (directory / "etcd-server_3.4_amd64.deb").touch()
        return ""

    runner.answers["apt-get"] = apt_get
    files = Apt(job, with_sources=True).download(["etcd-server"], directory)
    assert files == {"etcd-server": directory / "etcd-server_3.4_amd64.deb"}
    sources = (job.work / "apt/sources.list").read_text().splitlines()
    assert len([line for line in sources if line.startswith("deb-src ")]) == 3
    for call in runner.calls[1:]:
        assert f"-oDir::State::Lists={job.work}/apt/lists" in call
        assert f"-oDir::Etc::SourceList={job.work}/apt/sources.list" in call
        assert "-oDir::Etc::SourceParts=/dev/null" in call
