"""What people write into lab.yaml, the environment and the command line by mistake."""

from __future__ import annotations

import pytest

from tests.faults.command import Checkout

CASES = {
    "an unknown key": (b"memory_mb: 4096", "LAB-CFG-005", "Did you mean 'memory_mib'?"),
    "an unknown key below ports": (b"ports: {htttp: 8080}", "LAB-CFG-005", "Did you mean 'ports.http'?"),
    "a key that only an edition has": (b"channel: 1.29/stable", "LAB-CFG-005", "Keys: "),
    "a range that runs backwards": (b"metallb_range: 10.0.0.9-10.0.0.1", "LAB-CFG-006", "lab.yaml"),
    "a range of no addresses": (b"metallb_range: 10.0.0.9-10.0.0.300", "LAB-CFG-006", "lab.yaml"),
    "no processor": (b"cpus: 0", "LAB-CFG-006", "lab.yaml"),
    "a port that only root may open": (b"ports: {http: 80}", "LAB-CFG-006", "lab.yaml"),
    "a word instead of a number": (b"cpus: four", "LAB-CFG-006", "lab.yaml"),
    "a list instead of a word": (b"edition: [rehearsal]", "LAB-CFG-006", "lab.yaml"),
    "a number instead of a mapping": (b"ports: 8080", "LAB-CFG-006", "lab.yaml"),
    "a list instead of keys": (b"- cpus: 4", "LAB-CFG-004", "Keys: "),
    "not YAML": (b"cpus: [4", "LAB-CFG-004", ""),
    "a tab": (b"ports:\n\thttp: 8080", "LAB-CFG-004", ""),
    "a character that YAML has not": (b"name: a\x07", "LAB-CFG-004", ""),
    "not UTF-8": ("name: käse".encode("latin-1"), "LAB-CFG-004", "UTF-8"),
    "an unknown edition": (b"edition: kubeflow-1.88", "LAB-CFG-001", "Did you mean kubeflow-1.8?"),
    "a name with blanks": (b"name: my lab", "LAB-CFG-006", "lab.yaml"),
    "an unknown provider": (b"provider: vmware", "LAB-CFG-006", "lab.yaml"),
}


@pytest.mark.parametrize("case", CASES)
def test_lab_yaml(checkout: Checkout, case: str) -> None:
    content, code, hint = CASES[case]
    good = (checkout.root / "lab.yaml").read_bytes()
    (checkout.root / "lab.yaml").write_bytes(content + b"\n")
    answer = checkout.lab("up")
    answer.refuses(code, 2, hint=hint)
    assert not (checkout.root / ".lab").exists(), "nothing has been begun"
    (checkout.root / "lab.yaml").write_bytes(good)
    checkout.lab("plan").succeeds()


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("LAB_CPUS", "four", "LAB-CFG-006"),
        ("LAB_PORTS_HTTP", "http", "LAB-CFG-006"),
        ("LAB_EDITION", "rehearsel", "LAB-CFG-001"),
        ("LAB_METALLB_RANGE", "10.0.0.0/33", "LAB-CFG-006"),
    ],
)
def test_the_environment(checkout: Checkout, variable: str, value: str, code: str) -> None:
    checkout.lab("up", env={variable: value}).refuses(code, 2)


def test_an_unknown_edition(checkout: Checkout) -> None:
    checkout.lab("--edition", "rehearsel", "up").refuses("LAB-CFG-001", 2, hint="Did you mean rehearsal?")


@pytest.mark.parametrize("command", [["exec", "true"], ["ssh"], ["kubeconfig"]])
def test_an_unknown_lab_cannot_be_entered(checkout: Checkout, command: list[str]) -> None:
    checkout.lab("--name", "nowhere", *command).refuses("LAB-VM-103", 20, hint="python -m lab")


def test_an_unknown_lab_has_a_status(checkout: Checkout) -> None:
    answer = checkout.lab("--name", "nowhere", "status")
    assert answer.exit_code == 20
    assert "not created" in answer.output


def test_outside_a_checkout(checkout: Checkout) -> None:
    # The package is found by its path, as an installed one is.
    outside = Checkout(checkout.root.parent, ("env", f"PYTHONPATH={checkout.root}"))
    outside.lab("up").refuses("LAB-CFG-003", 2, hint="checkout")
