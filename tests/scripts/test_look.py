"""All checks together: the same answers as one by one, from fewer questions."""

from __future__ import annotations

from .conftest import PROVISION, Guest

STEPS = sorted(path.stem for path in PROVISION.glob("[0-9][0-9]-*.sh"))


def look(guest: Guest) -> list[str]:
    """Return the lines about the steps that were looked at."""
    result = guest.run("look", *STEPS)
    assert result.returncode == 0, result.stdout
    return [line for line in result.stdout.splitlines() if line.startswith("::checked ")]


def ready(guest: Guest) -> None:
    """Carry out what the lab lacks before it is complete."""
    guest.with_kubeflow()
    guest.carry_out("15-kernel-limits")
    guest.carry_out("85-login")
    guest.carry_out("90-ready")
    (guest.fake / "calls").unlink()


def test_a_complete_lab(guest: Guest) -> None:
    ready(guest)
    assert look(guest) == [f"::checked {step} 0" for step in STEPS]
    for question in ("snap list", "juju status", "microk8s kubectl get nodes"):
        assert len(guest.calls(question)) == 1, question
    # The answer about the model says enough of its controller, too.
    assert not guest.calls("juju models")
    assert not guest.calls("juju show-controller")


def test_each_step_says_the_same_as_alone(guest: Guest) -> None:
    ready(guest)
    assert all(guest.satisfied(step) for step in STEPS)
    for state, value, step in (
        ("version-controller", "3.4.2", "65-controller"),
        ("life", "dying", "70-model"),
        ("applications", "dex-auth", "80-kubeflow"),
        ("node", "False", "20-microk8s"),
        ("cluster-id", "another", "60-cloud"),
    ):
        before = guest.get(state)
        guest.set({state: value})
        assert not guest.satisfied(step), step
        assert look(guest)[-1] == f"::checked {step} 1"
        guest.set({state: before})
    assert len(look(guest)) == len(STEPS)


def test_a_model_older_than_its_controller_does_not_count_against_it(guest: Guest) -> None:
    ready(guest)
    status = (
        '{"model":{"name":"kubeflow","version":"3.4.1","model-status":{"current":"available"}},'
        '"applications":{"dex-auth":{"application-status":{"current":"active"},"scale":0}}}'
    )
    guest.set({"status.json": status})
    guest.remember("deployed", "dex-auth")
    assert len(look(guest)) == len(STEPS)


def test_nothing_there(guest: Guest) -> None:
    assert look(guest) == ["::checked 05-network 0", "::checked 10-snapd 1"]
