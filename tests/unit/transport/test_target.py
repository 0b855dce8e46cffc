"""What `vagrant ssh-config` prints is understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import VMError
from lab.transport import CommandResult, SSHTarget
from lab.transport.target import pinned

TEXT = """\
Host kubeflow
  HostName 127.0.0.1
  User vagrant
  Port 24591
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  IdentityFile "/home/x/check out/.vagrant/machines/kubeflow/libvirt/private_key"
  IdentitiesOnly yes

"""


def test_vagrants_text_with_the_machine_pinned(tmp_path: Path) -> None:
    known_hosts = tmp_path / "check out" / "known_hosts"
    text = pinned(TEXT, known_hosts)
    assert text.splitlines()[:3] == [
        "Host kubeflow",
        f'  UserKnownHostsFile "{known_hosts}"',
        "  StrictHostKeyChecking yes",
    ]
    assert "/dev/null" not in text
    key = Path("/home/x/check out/.vagrant/machines/kubeflow/libvirt/private_key")
    target = SSHTarget("127.0.0.1", 24591, "vagrant", key, known_hosts)
    assert SSHTarget.parse(text) == target
    (tmp_path / "config").write_text(text)
    assert SSHTarget.from_ssh_config(tmp_path / "config") == target


def test_something_is_missing() -> None:
    with pytest.raises(ValueError, match="no identityfile"):
        SSHTarget.parse(TEXT.partition("  IdentityFile")[0])
    with pytest.raises(ValueError, match="no userknownhostsfile"):
        SSHTarget.parse(TEXT.replace("  UserKnownHostsFile /dev/null\n", ""))


def test_a_failed_command_says_why() -> None:
    result = CommandResult("false", 1, "out\n", "one\ntwo\n", 0.1)
    with pytest.raises(VMError, match="'false' failed in the guest with exit code 1:\none\ntwo"):
        result.check()
    assert CommandResult("true", 0, "", "", 0.1).check().ok
