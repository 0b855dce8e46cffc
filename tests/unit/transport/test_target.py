"""What `vagrant ssh-config` prints is understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import VMError
from lab.transport import CommandResult, SSHTarget

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


def test_vagrants_text(tmp_path: Path) -> None:
    key = Path("/home/x/check out/.vagrant/machines/kubeflow/libvirt/private_key")
    assert SSHTarget.parse(TEXT) == SSHTarget("127.0.0.1", 24591, "vagrant", key, None)
    (tmp_path / "config").write_text(TEXT.replace("/dev/null", "/known"))
    assert SSHTarget.from_ssh_config(tmp_path / "config").known_hosts == Path("/known")


def test_something_is_missing() -> None:
    with pytest.raises(ValueError, match="no identityfile"):
        SSHTarget.parse(TEXT.partition("  IdentityFile")[0])


def test_a_failed_command_says_why() -> None:
    result = CommandResult("false", 1, "out\n", "one\ntwo\n", 0.1)
    with pytest.raises(VMError, match="'false' failed in the guest with exit code 1:\none\ntwo"):
        result.check()
    assert CommandResult("true", 0, "", "", 0.1).check().ok
