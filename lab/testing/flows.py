"""The pipelines that the suite runs, and nothing about running them.

The functions below become steps: the SDK copies their source text into the pipeline, so each imports what
it needs and uses nothing of this module. Their annotations are read as objects, which is why this module
does not postpone them. Each step writes one line `RESULT {json}` to its log (`lab.testing.pipelines`).

No step is left with the SDK's default image: that one changes from release to release of the SDK, and a lab
without a registry does not have it.
"""

from pathlib import Path
from typing import Any

from kfp import compiler, dsl

REQUEST_CPU = "20m"
REQUEST_MEMORY = "32Mi"
LIMIT_MEMORY = "512Mi"
"""What a step asks for: little, so that three run side by side on a small machine."""

LOOP = (1, 2, 3)
"""What the parallel loop of `sums` goes over."""

THRESHOLD = 10
"""Above it `sums` takes one branch of its condition, else the other."""

FAILURE = "there is no such colour: bleen"
"""What the step of `failing` says before it ends with `FAILURE_CODE`."""
FAILURE_CODE = 3

MISSING_IMAGE = "registry.lab.invalid/no-such-image:1"
"""An image that no lab can have: RFC 6761 keeps names that end in `.invalid` from existing."""


def draw(count: int, numbers: dsl.Output[dsl.Dataset]) -> int:
    """Write the squares of 1 to `count` as an artifact, and return their sum."""
    import json
    import socket
    from pathlib import Path

    squares = [number * number for number in range(1, count + 1)]
    Path(numbers.path).write_text(json.dumps(squares), encoding="utf-8")
    numbers.metadata["count"] = count
    print("RESULT", json.dumps({"step": "draw", "host": socket.gethostname(), "total": sum(squares)}))
    return sum(squares)


def pick(position: int, numbers: dsl.Input[dsl.Dataset]) -> int:
    """Read the artifact of another step, and return the number at a position, counted from 1."""
    import json
    import socket
    from pathlib import Path

    picked: int = json.loads(Path(numbers.path).read_text(encoding="utf-8"))[position - 1]
    found = {"step": "pick", "host": socket.gethostname(), "position": position, "picked": picked}
    print("RESULT", json.dumps(found))
    return picked


def tell(branch: str, total: int) -> str:
    """Say which branch of a condition was taken."""
    import json
    import socket

    found = {"step": "tell", "host": socket.gethostname(), "branch": branch, "total": total}
    print("RESULT", json.dumps(found))
    return branch


def relay(image: str) -> Any:
    """Return a pipeline of two container steps; the second one says what the first one wrote.

    Its parameter `word` is part of what is cached: a word that no run had before is no hit.
    """
    say_so = 'printf \'RESULT {"step": "%s", "host": "%s", "text": "%s"}\\n\''
    write = (
        f'{say_so} double "$(hostname)" "$0 $0"; mkdir -p "$(dirname "$1")"; printf "%s %s" "$0" "$0" >"$1"'
    )
    read = f'{say_so} say "$(hostname)" "$0"'

    @dsl.container_component  # type: ignore[untyped-decorator]
    def double(word: str, text: dsl.OutputPath(str)) -> dsl.ContainerSpec:  # type: ignore[valid-type]
        return dsl.ContainerSpec(image=image, command=["sh", "-c", write], args=[word, text])

    @dsl.container_component  # type: ignore[untyped-decorator]
    def say(text: str) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image=image, command=["sh", "-c", read], args=[text])

    @dsl.pipeline(name="relay", description="Two steps that are a shell, and a parameter between them")  # type: ignore[untyped-decorator]
    def pipeline(word: str) -> None:
        first = _small(double(word=word))
        _small(say(text=first.outputs["text"]))

    return pipeline


def sums(image: str) -> Any:
    """Return a pipeline of Python steps: parameters, an artifact, a condition and a parallel loop."""
    component = dsl.component(base_image=image)
    draw_step, pick_step, tell_step = component(draw), component(pick), component(tell)

    @dsl.pipeline(name="sums", description="Squares: drawn once, picked in a loop, judged by a condition")  # type: ignore[untyped-decorator]
    def pipeline(count: int) -> None:
        drawn = _small(draw_step(count=count))
        with dsl.ParallelFor(list(LOOP), name="positions") as position:
            _small(pick_step(position=position, numbers=drawn.outputs["numbers"]))
        total = drawn.outputs["Output"]
        with dsl.If(total > THRESHOLD, name="many"):
            _small(tell_step(branch="many", total=total))
        with dsl.If(total <= THRESHOLD, name="few"):
            _small(tell_step(branch="few", total=total))

    return pipeline


def failing(image: str) -> Any:
    """Return a pipeline whose first step fails, so that the second one never starts."""

    @dsl.container_component  # type: ignore[untyped-decorator]
    def paint() -> dsl.ContainerSpec:
        return dsl.ContainerSpec(
            image=image, command=["sh", "-c", 'echo "$0" >&2; exit "$1"'], args=[FAILURE, str(FAILURE_CODE)]
        )

    @dsl.container_component  # type: ignore[untyped-decorator]
    def admire() -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image=image, command=["true"])

    @dsl.pipeline(name="failing", description="A step that fails, and one that waits for it")  # type: ignore[untyped-decorator]
    def pipeline() -> None:
        first = _small(paint())
        _small(admire()).after(first)

    return pipeline


def unpullable() -> Any:
    """Return a pipeline with a step whose image does not exist."""

    @dsl.container_component  # type: ignore[untyped-decorator]
    def never() -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image=MISSING_IMAGE, command=["true"])

    @dsl.pipeline(name="unpullable", description="A step whose image does not exist")  # type: ignore[untyped-decorator]
    def pipeline() -> None:
        _small(never())

    return pipeline


def compile_to(directory: Path, pipeline: Any) -> Path:
    """Write a pipeline's compiled form into a directory, and return the file."""
    path = directory / f"{pipeline.name}.yaml"
    compiler.Compiler().compile(pipeline, package_path=str(path))
    return path


def _small(task: Any) -> Any:
    task.set_cpu_request(REQUEST_CPU).set_memory_request(REQUEST_MEMORY).set_memory_limit(LIMIT_MEMORY)
    return task
