"""The launcher of pipeline steps, and the engine's reader, against a real object store on 127.0.0.1."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from labkubeflow.pipelines.engine.objects import ObjectStore

from rehearsal import launcher

KEYS = ("someone", "a secret/with+signs")
PREFIX = "minio://mlpipeline/v2/a run[0]/step"

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Store:
    endpoint: str
    root: Path


@dataclass(frozen=True)
class Outcome:
    code: int
    message: dict[str, Any]
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The launcher, compiled as for the image."""
    if not shutil.which("go") and not Path("/usr/lib/go-1.19/bin/go").exists():
        pytest.fail("there is no Go; scripts/setup-host.sh installs it")
    directory = tmp_path_factory.mktemp("launcher")

    def run(command: list[str | Path], *, timeout: float, cwd: Path, env: dict[str, str]) -> None:
        subprocess.run(command, timeout=timeout, cwd=cwd, env={**os.environ, **env}, check=True)

    launcher.build(directory / "launcher", directory, run)
    return directory / "launcher"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    root = tmp_path_factory.mktemp("objects")
    (root / "mlpipeline").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    rclone = Path(sys.executable).with_name("rclone")
    command = [
        str(rclone),
        "serve",
        "s3",
        "--addr",
        f"127.0.0.1:{port}",
        "--vfs-cache-mode",
        "off",
        str(root),
    ]
    environment = {**os.environ, "RCLONE_AUTH_KEY": f'"{KEYS[0]},{KEYS[1]}"'}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, "rclone has ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "rclone does not listen"
            time.sleep(0.05)
    yield Store(f"http://127.0.0.1:{port}", root / "mlpipeline")
    process.terminate()
    process.wait(timeout=30)


class Step:
    """Runs the launcher as a step's container does."""

    def __init__(self, program: Path, store: Store, directory: Path) -> None:
        self._program = program
        self.store = store
        self.directory = directory
        self.message = directory / "message"
        self.keys = KEYS

    def start(self, command: list[str], **job: Any) -> subprocess.Popen[str]:
        job = {"endpoint": self.store.endpoint, "metadata": str(self.directory / "meta/data.json"), **job}
        job.setdefault("result", f"{PREFIX}/result.json")
        environment = {
            "PATH": os.environ["PATH"],
            "LAUNCHER_MESSAGES": str(self.message),
            "LAUNCHER_ACCESS_KEY": self.keys[0],
            "LAUNCHER_SECRET_KEY": self.keys[1],
        }
        line = [str(self._program), "--job", json.dumps(job), "--", *command]
        return subprocess.Popen(
            line,
            cwd=self.directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, command: list[str], **job: Any) -> Outcome:
        return self.end(self.start(command, **job))

    def end(self, process: subprocess.Popen[str]) -> Outcome:
        stdout, stderr = process.communicate(timeout=60)
        return Outcome(process.returncode, json.loads(self.message.read_text()), stdout, stderr)

    def file(self, name: str, path: str) -> dict[str, str]:
        return {"name": name, "uri": f"{PREFIX}/{name}", "path": str(self.directory / path)}


@pytest.fixture
def step(program: Path, store: Store, tmp_path: Path) -> Step:
    return Step(program, store, tmp_path)


def test_files_and_directories_go_to_the_store_and_come_back(step: Step) -> None:
    made = [step.file("data", "out/data"), step.file("tree", "out/tree"), step.file("none", "out/none")]
    script = "echo hello > out/data; mkdir -p out/tree/deep; echo 1 > 'out/tree/deep/ü x'; : > out/tree/empty"
    outcome = step.run(["sh", "-c", script], artifacts=made)
    assert (outcome.code, outcome.message) == (0, {})
    assert "has not made the artifact" in outcome.stderr
    wanted = [step.file("data", "in/data"), step.file("tree", "in/tree")]
    outcome = step.run(["sh", "-c", "cat in/data; cd in/tree; find . -type f | sort"], inputs=wanted)
    assert (outcome.code, outcome.stdout) == (0, "hello\n./deep/ü x\n./empty\n")


def test_parameters_and_metadata_are_told(step: Step) -> None:
    parameters = [{"name": "p", "path": str(step.directory / "params/p")}]
    script = 'printf "a value" > params/p; echo \'{"parameterValues": {"q": 1}}\' > meta/data.json'
    outcome = step.run(["sh", "-c", script], parameters=parameters)
    said = {"parameters": {"p": "a value"}, "metadata": {"parameterValues": {"q": 1}}}
    assert (outcome.code, outcome.message) == (0, said)


def test_a_long_result_goes_through_the_store(step: Step) -> None:
    parameters = [{"name": "p", "path": str(step.directory / "params/p")}]
    outcome = step.run(["sh", "-c", "yes | head -c 20000 > params/p"], parameters=parameters)
    assert outcome.message == {"at": f"{PREFIX}/result.json"}
    reader = ObjectStore(step.store.endpoint, lambda: KEYS)
    content = reader.get(outcome.message["at"])
    assert content is not None
    assert json.loads(content)["parameters"]["p"] == "y\n" * 10000
    assert reader.get(f"{PREFIX}/nothing") is None
    reader.close()
    stranger = ObjectStore(step.store.endpoint, lambda: (KEYS[0], "wrong"))
    with pytest.raises(OSError, match="HTTP 403"):
        stranger.get(outcome.message["at"])
    stranger.close()


@pytest.mark.parametrize(
    ("command", "code", "error"),
    [
        (["sh", "-c", "echo on stdout; echo on stderr >&2; exit 7"], 7, "exit status 7: on stderr"),
        (["sh", "-c", "echo on stdout; exit 3"], 3, "exit status 3: on stdout"),
        (["/no/such/program"], 1, "fork/exec /no/such/program: no such file or directory"),
        ([], 1, "command and arguments are empty"),
        (["sh", "-c", "echo nonsense > meta/data.json"], 1, "failed to read the output metadata file"),
    ],
)
def test_a_failure_is_told_with_the_programs_last_words(
    step: Step, command: list[str], code: int, error: str
) -> None:
    outcome = step.run(command)
    assert outcome.code == code
    assert outcome.message["error"].startswith(error)


def test_of_much_output_the_end_is_told(step: Step) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done >&2; exit 1"
    outcome = step.run(["sh", "-c", script])
    assert outcome.message["error"].endswith("line 2999")
    assert len(step.message.read_bytes()) < 4096
    assert "line 0\n" in outcome.stderr


def test_the_users_program_does_not_see_the_keys(step: Step) -> None:
    outcome = step.run(["env"])
    assert "PATH=" in outcome.stdout
    assert "KEY" not in outcome.stdout


def test_without_the_right_keys_the_step_fails(step: Step) -> None:
    wanted = [step.file("data", "in/data")]
    step.keys = (KEYS[0], "wrong")
    assert "403" in step.run(["true"], inputs=wanted).message["error"]
    step.keys = ("", "")
    assert "Secret mlpipeline-minio-artifact" in step.run(["true"], inputs=wanted).message["error"]


@contextmanager
def cutting_off(store: Store, after: int) -> Iterator[Store]:
    """Put something in front of a store that cuts off the first answer that is longer than so many bytes."""
    host, _, port = store.endpoint.removeprefix("http://").partition(":")
    cut = threading.Event()

    class Cutter(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, int(port)), timeout=30) as behind:
                up = threading.Thread(target=self.pass_on, args=(self.request, behind), daemon=True)
                up.start()
                told = 0
                while data := behind.recv(65536):
                    told += len(data)
                    if told > after and not cut.is_set():
                        cut.set()
                        return
                    self.request.sendall(data)

        @staticmethod
        def pass_on(source: socket.socket, target: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(65536):
                    target.sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Cutter) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Store(f"http://127.0.0.1:{server.server_address[1]}", store.root)
        server.shutdown()
    assert cut.is_set()


def test_a_download_that_is_cut_off_begins_again(program: Path, store: Store, tmp_path: Path) -> None:
    whole = Step(program, store, tmp_path)
    made = [whole.file("large", "out/large")]
    assert whole.run(["sh", "-c", "seq 200000 > out/large"], artifacts=made).code == 0
    with cutting_off(store, 300_000) as broken:
        step = Step(program, broken, tmp_path)
        outcome = step.run(["cmp", "in/large", "out/large"], inputs=[step.file("large", "in/large")])
    assert outcome.code == 0, outcome.message
    assert "trying again" in outcome.stderr


def test_what_the_program_leaves_running_is_not_waited_for(step: Step) -> None:
    started = time.monotonic()
    outcome = step.run(["sh", "-c", "sleep 30 >/dev/null 2>&1 & echo $!"])
    assert outcome.code == 0
    assert time.monotonic() - started < 20
    os.kill(int(outcome.stdout), signal.SIGKILL)


def test_a_signal_reaches_the_program(step: Step) -> None:
    script = "trap 'echo told >&2; exit 9' TERM; echo ready; while :; do sleep 0.1; done"
    process = step.start(["sh", "-c", script])
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    outcome = step.end(process)
    assert (outcome.code, outcome.message) == (9, {"error": "exit status 9: told"})
