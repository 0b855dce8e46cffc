"""Snapshots and sleep: what is asked of Vagrant, and what of its answers is believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from lab.config import Settings
from lab.errors import HostError, VMError
from lab.process import Result
from lab.vm import Machine
from lab.vm.disk import find_disk, gib, require_space, snapshot_sizes
from lab.vm.snapshots import Snapshots
from tests.unit.vm.conftest import FakeVagrant


@pytest.fixture
def machine(settings: Settings, vagrant: FakeVagrant) -> Machine:
    machine = Machine(settings, runner=vagrant)
    machine.up()
    return machine


@pytest.fixture
def snapshots(settings: Settings, vagrant: FakeVagrant) -> Snapshots:
    return Snapshots(settings, runner=vagrant)


def test_a_life_with_snapshots(machine: Machine, snapshots: Snapshots, vagrant: FakeVagrant) -> None:
    assert snapshots.names() == []
    lines: list[str] = []
    snapshots.save("lesson-1", on_line=lines.append)
    assert lines == ["Creating domain with the following settings...", "Starting domain."]
    snapshots.save("lesson-1", force=True)
    machine.halt()
    snapshots.save("off")
    assert snapshots.names() == ["lesson-1", "off"]
    snapshots.restore("lesson-1")
    assert vagrant.state == "running"
    snapshots.delete("off")
    assert snapshots.names() == ["lesson-1"]
    assert min(vagrant.timeouts[-3:]) >= 600, "a large memory takes its time"


def test_a_suspended_machine_is_told_from_one_that_is_off(machine: Machine) -> None:
    machine.suspend()
    assert machine.state() == "saved"
    machine.up()
    machine.halt()
    assert machine.state() == "poweroff"


def test_a_full_disk_is_explained(snapshots: Snapshots, machine: Machine, vagrant: FakeVagrant) -> None:
    vagrant.fail = "Call to virDomainSnapshotCreateXML failed: No space left on device"
    with pytest.raises(VMError, match="'vagrant snapshot' failed") as caught:
        snapshots.save("lesson-1")
    assert "is full" in caught.value.hint


def test_the_disk_is_where_the_vagrantfile_wrote(settings: Settings, tmp_path: Path) -> None:
    assert find_disk(settings) is None
    note = settings.make_state_dir() / "disk.json"
    image = tmp_path / "lab.img"
    note.write_text(json.dumps({"schema": 1, "path": str(image)}))
    assert find_disk(settings) is None, "it is gone"
    image.touch()
    assert find_disk(settings) == image
    note.write_text("{")
    assert find_disk(settings) is None


class FakeQemuImg:
    def __init__(self, returncode: int, stdout: str) -> None:
        self.answer = (returncode, stdout)

    def __call__(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002 - the runner's name for it
        on_line: Callable[[str], None] | None = None,
        log: Path | None = None,
    ) -> Result:
        assert tuple(argv) == ("qemu-img", "info", "--force-share", "--output=json", "/pool/lab.img")
        return Result(tuple(argv), self.answer[0], self.answer[1], "", 0.1)


@pytest.mark.parametrize(
    ("returncode", "stdout", "sizes"),
    [
        (0, '{"snapshots": [{"name": "a", "id": "1", "vm-state-size": 1500}]}', {"a": 1500}),
        (0, "{}", {}),
        (0, "oh", {}),
        (1, "", {}),
    ],
)
def test_sizes_are_told_if_qemu_tells_them(returncode: int, stdout: str, sizes: dict[str, int]) -> None:
    assert snapshot_sizes(Path("/pool/lab.img"), runner=FakeQemuImg(returncode, stdout)) == sizes


def test_room_is_looked_for_before(tmp_path: Path) -> None:
    require_space(tmp_path, 0, "Nothing", hint="")
    with pytest.raises(HostError, match=r"The snapshot may take 1048576\.0 GiB, and only") as caught:
        require_space(tmp_path, 1 << 50, "The snapshot", hint="Remove one.")
    assert (caught.value.code, caught.value.hint) == ("LAB-HOST-030", "Remove one.")


def test_sizes_for_people() -> None:
    assert (gib(3 << 29), gib(5 << 20)) == ("1.5 GiB", "5 MiB")
