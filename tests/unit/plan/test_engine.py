"""The engine decides by checks, retries what may pass, and goes on after a lost connection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.errors import HostError, Interrupted, JujuError, KubeflowError, LabError, MicroK8sError, VMError
from lab.plan.step import Step
from lab.report.events import AttemptStarted, Output, Progress, TaskEnded
from lab.transport.base import CommandTimeout, TransportError

if TYPE_CHECKING:
    from tests.unit.plan.conftest import Answer, Bench

STEP = Step(
    name="20-microk8s",
    path=Path("provision/20-microk8s.sh"),
    title="Install MicroK8s",
    why="It is needed.",
    documented=("sudo snap install microk8s",),
    layer="microk8s",
    timeout=900,
    retries=2,
    fingerprint="abc",
)
NEXT = replace(STEP, name="50-juju", title="Install Juju", layer="juju", retries=0)


def lost() -> TransportError:
    return TransportError("connection reset", code="LAB-VM-999")


def test_what_is_there_is_left_alone(bench: Bench) -> None:
    bench.guest.on(STEP.name, "check", 0)
    bench.guest.on(NEXT.name, "check", 0)
    bench.run(STEP, NEXT)
    assert bench.guest.ran == ["20-microk8s check", "50-juju check"]
    assert bench.outcomes == [(STEP.name, "satisfied"), (NEXT.name, "satisfied")]
    assert bench.journal.entries[STEP.name].state == "satisfied"


def test_a_step_that_is_not_satisfied_is_applied_and_awaited(bench: Bench) -> None:
    for step in (STEP, NEXT):
        bench.guest.on(step.name, "check", 1)
        bench.guest.on(step.name, "apply", 0)
        bench.guest.on(step.name, "ready", 0)
    bench.run(STEP, NEXT)
    # The first check was made by the look; it is not made again.
    assert bench.guest.ran == [
        "20-microk8s check",
        "20-microk8s apply",
        "20-microk8s ready",
        "50-juju check",
        "50-juju apply",
        "50-juju ready",
    ]
    assert bench.outcomes == [(STEP.name, "done"), (NEXT.name, "done")]
    entry = bench.journal.entries[STEP.name]
    assert (entry.state, entry.attempts, entry.fingerprint) == ("done", 1, "abc")


def test_the_journal_never_decides(bench: Bench) -> None:
    bench.journal.start(STEP.name, "abc")
    bench.journal.end(STEP.name, "done", seconds=1, attempts=1)
    for action, code in (("check", 1), ("apply", 0), ("ready", 0)):
        bench.guest.on(STEP.name, action, code)
    bench.run(STEP)
    assert "20-microk8s apply" in bench.guest.ran


@pytest.mark.parametrize("state", ["running", "interrupted", "failed", "done"])
def test_a_step_that_an_earlier_run_began_is_told_as_a_part(bench: Bench, state: str) -> None:
    bench.journal.start(STEP.name, "abc")
    if state != "running":
        bench.journal.end(STEP.name, state, seconds=1, attempts=1)
    for action, code in (("check", 1), ("apply", 0), ("ready", 0)):
        bench.guest.on(STEP.name, action, code)
    bench.run(STEP)
    ended = next(event for event in bench.events if isinstance(event, TaskEnded))
    assert ended.partial == (state != "done")


def test_the_time_of_the_run_that_did_it_stays_in_the_journal(bench: Bench) -> None:
    bench.journal.start(STEP.name, "abc")
    bench.journal.end(STEP.name, "done", seconds=99, attempts=1)
    bench.guest.on(STEP.name, "check", 0)
    bench.run(STEP)
    assert bench.journal.entries[STEP.name].seconds == 99


def test_ready_gets_what_apply_left_of_the_deadline(bench: Bench, say: type[Answer]) -> None:
    bench.guest.on(STEP.name, "check", 1)
    bench.guest.on(STEP.name, "apply", 0)
    bench.guest.on(STEP.name, "ready", 0)
    run = bench.guest.run

    def slow(command: str, **options: Any) -> Any:
        result = run(command, **options)
        if command.endswith("apply"):
            bench.clock.now += 600
        return result

    bench.guest.run = slow  # type: ignore[method-assign]
    bench.run(STEP)
    assert bench.guest.timeouts["20-microk8s apply"] == 900
    assert bench.guest.timeouts["20-microk8s ready"] == 300


def test_what_may_pass_is_tried_again_with_growing_delays(bench: Bench, say: type[Answer]) -> None:
    bench.guest.on(STEP.name, "check", 1)
    bench.guest.on(STEP.name, "apply", say(75, ("::error The store is busy.",)), say(75), 0)
    bench.guest.on(STEP.name, "ready", 0)
    bench.run(STEP)
    assert bench.clock.slept == [5, 10]
    assert bench.waits == [
        "try 2 of 3 in 5 s: The store is busy",
        "try 3 of 3 in 10 s: Its apply ended with exit code 75",
    ]
    # Each try begins with a look at what the one before has done.
    assert bench.guest.ran.count("20-microk8s check") == 3
    assert bench.journal.entries[STEP.name].attempts == 3


def test_what_became_satisfied_meanwhile_is_not_applied_again(bench: Bench) -> None:
    bench.guest.on(STEP.name, "check", 1, 0)
    bench.guest.on(STEP.name, "apply", 75)
    bench.run(STEP)
    assert bench.outcomes == [(STEP.name, "done")]


def test_tries_come_to_an_end(bench: Bench, say: type[Answer]) -> None:
    bench.guest.on(STEP.name, "check", 1)
    bench.guest.on(
        STEP.name,
        "apply",
        say(
            75,
            (
                "::error The store is busy.",
                "::hint Wait an hour.",
            ),
        ),
    )
    with pytest.raises(MicroK8sError) as caught:
        bench.run(STEP)
    assert caught.value.message == "Step '20-microk8s' failed. The store is busy (tried 3 times)."
    assert (caught.value.code, caught.value.hint) == ("LAB-STEP-005", "Wait an hour.")


def test_a_failure_is_of_the_step_s_layer_and_ends_the_run(bench: Bench, say: type[Answer]) -> None:
    bench.guest.on(NEXT.name, "check", 1)
    bench.guest.on(
        NEXT.name,
        "apply",
        say(
            1,
            (
                "one",
                "two",
                "::error No juju.",
                "::hint Do this.",
            ),
        ),
    )
    with pytest.raises(JujuError) as caught:
        bench.run(NEXT, STEP)
    error = caught.value
    assert error.message == "Step '50-juju' failed. No juju."
    assert (error.code, error.hint, error.exit_code) == ("LAB-STEP-001", "Do this.", 50)
    assert error.log == bench.logs / "50-juju.log"
    ended = bench.events[-1]
    assert isinstance(ended, TaskEnded)
    assert (ended.outcome, ended.tail) == ("failed", ("one", "two"))
    assert bench.journal.entries[NEXT.name].state == "failed"


def test_a_failure_that_others_had_gets_their_cause_and_fix(bench: Bench, say: type[Answer]) -> None:
    bench.guest.on(NEXT.name, "check", 1)
    lines = ("write /x: no space left on device", "more", "::error It failed.", "::hint See below.")
    bench.guest.on(NEXT.name, "apply", say(1, lines))
    with pytest.raises(JujuError) as caught:
        bench.run(NEXT)
    own, title, cause, fix = caught.value.hint.splitlines()
    assert own == "See below."
    assert title == "Known issue KI-VM-DISK: The disk of the VM is full."
    assert cause.startswith("Cause: ")
    assert fix.startswith("Fix: See what takes it: python -m lab exec -- df -h /")


def test_what_a_script_gave_as_the_reason_is_nearer_than_its_log(bench: Bench, say: type[Answer]) -> None:
    bench.guest.on(NEXT.name, "check", 1)
    reason = "::error tensorboard-controller waiting: Waiting for gateway info relation"
    bench.guest.on(NEXT.name, "apply", say(1, ("ErrImagePull, once", reason)))
    with pytest.raises(JujuError, match="gateway") as caught:
        bench.run(NEXT)
    assert "Known issue KI-GATEWAY-INFO" in caught.value.hint
    assert "KI-IMAGE-PULL" not in caught.value.hint


def test_a_failure_without_words_gets_some(bench: Bench) -> None:
    bench.guest.on(STEP.name, "check", 1)
    bench.guest.on(STEP.name, "apply", 0)
    bench.guest.on(STEP.name, "ready", 2)
    with pytest.raises(MicroK8sError, match="Its ready ended with exit code 2") as caught:
        bench.run(STEP)
    assert caught.value.code == "LAB-STEP-002"
    assert "python -m lab up" in caught.value.hint


def test_a_broken_check_is_an_error_and_nothing_is_applied(bench: Bench) -> None:
    bench.guest.on(STEP.name, "check", 127)
    with pytest.raises(MicroK8sError, match="Its check ended with exit code 127") as caught:
        bench.run(STEP)
    assert caught.value.code == "LAB-STEP-004"


def test_a_deadline_names_what_was_waited_for(bench: Bench, say: type[Answer]) -> None:
    late = CommandTimeout("too late", code="LAB-VM-998")
    bench.guest.on(STEP.name, "check", 1)
    bench.guest.on(STEP.name, "apply", say(lines=("::progress 12/38 kfp-db",), raises=late))
    with pytest.raises(MicroK8sError, match=r"900 s\. It was waiting for: kfp-db") as caught:
        bench.run(STEP)
    assert caught.value.code == "LAB-STEP-003"


def test_what_a_script_says_becomes_events(bench: Bench, say: type[Answer]) -> None:
    lines = (
        "plain \x1b[32mgreen\x1b[0m",
        "old state\rnew state",
        "::waiting for the API server",
        "::waiting for the API server",
        "::progress 12/38 waiting for kfp-db",
        "::progress almost",
    )
    bench.guest.on(STEP.name, "check", 1)
    bench.guest.on(STEP.name, "apply", say(0, lines))
    bench.guest.on(STEP.name, "ready", 0)
    bench.run(STEP)
    assert [event.line for event in bench.events if isinstance(event, Output)] == ["plain green", "new state"]
    assert bench.waits == ["for the API server", "almost"]  # told once, since nothing changed
    assert Progress(STEP.name, 12, 38, "waiting for kfp-db") in bench.events
    assert AttemptStarted(STEP.name, "apply", 1, 3) in bench.events


def test_a_new_session_means_a_new_login(bench: Bench) -> None:
    step = replace(STEP, new_session=True)
    bench.guest.on(step.name, "check", 1)
    bench.guest.on(step.name, "apply", 0)
    bench.guest.on(step.name, "ready", 0)
    bench.run(step)
    assert bench.guest.reconnects == 1


def test_a_connection_lost_in_the_look_is_made_again(bench: Bench, say: type[Answer]) -> None:
    bench.guest.on(STEP.name, "check", say(raises=lost()), 0)
    bench.guest.logins = [lost(), None]
    bench.run(STEP)
    assert bench.guest.ran == ["20-microk8s check", "20-microk8s check"]
    assert bench.guest.reconnects == 2
    assert bench.outcomes == [(STEP.name, "satisfied")]


def test_a_lost_connection_is_made_again_and_the_step_checked(bench: Bench, say: type[Answer]) -> None:
    bench.guest.on(STEP.name, "check", 1, 0)
    bench.guest.on(STEP.name, "apply", say(raises=lost()))
    bench.guest.logins = [lost(), lost(), None]
    bench.guest.leftovers = True
    bench.run(STEP)
    assert bench.guest.ran == ["20-microk8s check", "20-microk8s apply", "20-microk8s check"]
    assert bench.guest.reconnects == 3
    # What still ran in the guest was ended before anything else was started.
    assert bench.guest.stops == 1
    assert bench.outcomes == [(STEP.name, "done")]
    assert bench.notices[0].startswith("The connection to the VM was lost")


def test_a_connection_lost_too_often_is_given_up(bench: Bench, say: type[Answer]) -> None:
    bench.guest.on(STEP.name, "check", 1)
    bench.guest.on(STEP.name, "apply", say(raises=lost()))
    with pytest.raises(TransportError):
        bench.run(STEP)
    assert bench.guest.reconnects == 3
    assert bench.journal.entries[STEP.name].state == "failed"


def test_a_guest_that_never_answers_again_is_given_up(bench: Bench, say: type[Answer]) -> None:
    bench.guest.on(STEP.name, "check", 1)
    bench.guest.on(STEP.name, "apply", say(raises=lost()))
    bench.guest.logins = [lost()] * 1000
    with pytest.raises(TransportError):
        bench.run(STEP)
    assert sum(bench.clock.slept) <= 300


@pytest.mark.parametrize("state", ["shutoff", "poweroff", "crashed", "not_created"])
def test_a_machine_that_has_stopped_is_not_waited_for(bench: Bench, say: type[Answer], state: str) -> None:
    bench.guest.on(STEP.name, "check", 1)
    bench.guest.on(STEP.name, "apply", say(raises=lost()))
    bench.guest.logins = [lost()] * 1000
    bench.guest.machine_states = ["running", "shutting_down", state]
    with pytest.raises(VMError, match=state) as caught:
        bench.run(STEP)
    assert (caught.value.code, caught.value.exit_code) == ("LAB-VM-210", 20)
    assert "python -m lab up" in caught.value.hint
    assert bench.guest.reconnects == 3
    assert bench.journal.entries[STEP.name].state == "failed"


@pytest.mark.parametrize(
    "trouble",
    [VMError("Vagrant failed", code="LAB-VM-101"), HostError("Vagrant did not end", code="LAB-HOST-102")],
)
def test_a_guest_is_waited_for_when_nobody_says_how_its_machine_is(
    bench: Bench, say: type[Answer], trouble: LabError
) -> None:
    bench.guest.on(STEP.name, "check", 1, 0)
    bench.guest.on(STEP.name, "apply", say(raises=lost()))
    bench.guest.logins = [lost(), lost(), None]
    bench.guest.machine_states = [trouble]
    bench.run(STEP)
    assert bench.outcomes == [(STEP.name, "done")]


def test_ctrl_c_says_where(bench: Bench, say: type[Answer]) -> None:
    bench.guest.on(STEP.name, "check", 1)
    bench.guest.on(STEP.name, "apply", say(raises=KeyboardInterrupt()))
    with pytest.raises(Interrupted) as caught:
        bench.run(STEP)
    assert caught.value.message == "Interrupted in task 1 of 3, 'Install MicroK8s'."
    assert caught.value.hint == "This goes on from there: python -m lab up"
    assert caught.value.exit_code == 130
    assert bench.journal.entries[STEP.name].state == "interrupted"
    assert bench.outcomes == [(STEP.name, "interrupted")]


def test_a_look_that_takes_too_long_is_made_step_by_step(bench: Bench, say: type[Answer]) -> None:
    late = CommandTimeout("too late", code="LAB-VM-998")
    bench.guest.on(STEP.name, "check", say(raises=late), say(0))
    bench.run(STEP)
    assert bench.outcomes == [(STEP.name, "satisfied")]


def test_one_try_is_called_once(bench: Bench) -> None:
    kubeflow = replace(STEP, layer="kubeflow", retries=0)
    bench.guest.on(STEP.name, "check", 1)
    bench.guest.on(STEP.name, "apply", 75)
    with pytest.raises(KubeflowError, match="tried once"):
        bench.run(kubeflow)
