from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from lab.testing import flows

SHELL, PYTHON = "example/shell:1", "example/python:1"

PIPELINES = {
    "relay": flows.relay(SHELL),
    "sums": flows.sums(PYTHON),
    "failing": flows.failing(SHELL),
    "unpullable": flows.unpullable(),
}


def compiled(name: str, directory: Path) -> Any:
    path = flows.compile_to(directory, PIPELINES[name])
    assert path.name == f"{name}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def containers(spec: Any) -> dict[str, Any]:
    return {name: item["container"] for name, item in spec["deploymentSpec"]["executors"].items()}


@pytest.mark.parametrize(
    ("name", "image"),
    [("relay", SHELL), ("sums", PYTHON), ("failing", SHELL), ("unpullable", flows.MISSING_IMAGE)],
)
def test_each_step_has_the_edition_s_image_and_asks_for_little(tmp_path: Path, name: str, image: str) -> None:
    spec = compiled(name, tmp_path)
    assert spec["pipelineInfo"]["name"] == name
    found = containers(spec)
    assert found
    for container in found.values():
        assert container["image"] == image
        assert container["resources"]["cpuRequest"] <= 0.1
        assert container["resources"]["memoryLimit"] <= 1


def test_python_steps_ask_for_the_sdk_that_compiled_them(tmp_path: Path) -> None:
    for container in containers(compiled("sums", tmp_path)).values():
        assert "kfp==2.9.0" in container["command"][2]


def test_sums_has_a_loop_two_branches_and_an_artifact(tmp_path: Path) -> None:
    tasks = compiled("sums", tmp_path)["root"]["dag"]["tasks"]
    loops = [
        task["parameterIterator"]["items"]["raw"] for task in tasks.values() if "parameterIterator" in task
    ]
    assert [tuple(json.loads(items)) for items in loops] == [flows.LOOP]
    conditions = [task["triggerPolicy"]["condition"] for task in tasks.values() if "triggerPolicy" in task]
    assert sorted(condition.split(") ")[-1] for condition in conditions) == ["<= 10", "> 10"]
    artifacts = [task["inputs"].get("artifacts") for task in tasks.values() if "parameterIterator" in task]
    assert [len(found or ()) for found in artifacts] == [1]


def test_the_step_after_a_failure_waits_for_it(tmp_path: Path) -> None:
    tasks = compiled("failing", tmp_path)["root"]["dag"]["tasks"]
    assert tasks["admire"]["dependentTasks"] == ["paint"]


def test_python_steps_do_what_they_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers: Any = SimpleNamespace(path=str(tmp_path / "numbers"), metadata={})
    assert flows.draw(4, numbers) == 30
    assert numbers.metadata == {"count": 4}
    assert [flows.pick(position, numbers) for position in flows.LOOP] == [1, 4, 9]
    assert flows.tell("many", 30) == "many"
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line.removeprefix("RESULT "))["step"] for line in lines] == [
        "draw",
        "pick",
        "pick",
        "pick",
        "tell",
    ]


def run_shell(container: Any, *args: str) -> str:
    done = subprocess.run([*container["command"], *args], capture_output=True, text=True, check=True)
    return done.stdout


def test_shell_steps_do_what_they_say(tmp_path: Path) -> None:
    found = containers(compiled("relay", tmp_path))
    output = tmp_path / "deep" / "text"
    said = json.loads(run_shell(found["exec-double"], "hum", str(output)).removeprefix("RESULT "))
    assert (said["step"], said["text"]) == ("double", "hum hum")
    assert output.read_text(encoding="utf-8") == "hum hum"
    said = json.loads(run_shell(found["exec-say"], "hum hum").removeprefix("RESULT "))
    assert (said["step"], said["text"]) == ("say", "hum hum")
    assert said["host"]


def test_the_failing_step_fails(tmp_path: Path) -> None:
    container = containers(compiled("failing", tmp_path))["exec-paint"]
    done = subprocess.run(
        [*container["command"], *container["args"]], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (flows.FAILURE_CODE, f"{flows.FAILURE}\n")
