"""Pipelines as users write them."""

# No postponed annotations: the SDK reads them, and knows no unions. What its decorators make has no types.
# ruff: noqa: RUF013
# mypy: disable-error-code="untyped-decorator,no-untyped-def,no-any-return,assignment,type-arg,valid-type"

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output, OutputPath


@dsl.component(base_image="lab/python:1")
def make(n: int, data: Output[Dataset], name: str = "x") -> float:
    return n * 1.5


@dsl.component(base_image="lab/python:1")
def use(data: Input[Dataset], v: float, opt: str = None) -> str:
    return str(v)


@dsl.container_component
def shout(text: str, out: OutputPath(str), art: Output[Artifact], opt: str = None):
    return dsl.ContainerSpec(
        image="lab/shell:1",
        command=["sh", "-c"],
        args=[
            "echo $0 > $1",
            text,
            out,
            art.path,
            dsl.IfPresentPlaceholder(input_name="opt", then=["--opt", opt], else_=["none"]),
            dsl.ConcatPlaceholder(["<", text, ">"]),
        ],
    )


@dsl.container_component
def say(text: str):
    return dsl.ContainerSpec(image="lab/shell:1", command=["echo"], args=[text])


@dsl.component(base_image="lab/python:1")
def numbers() -> list:
    return [1, 2, 3]


@dsl.pipeline
def inner(a: int) -> str:
    made = make(n=a)
    return use(data=made.outputs["data"], v=made.outputs["Output"]).output


@dsl.pipeline(name="nested")
def nested(n: int = 3) -> str:
    result = inner(a=n)
    shout(text=f"{result.output} of {dsl.PIPELINE_JOB_ID_PLACEHOLDER}")
    return result.output


@dsl.pipeline(name="branches")
def branches(flag: bool, n: int):
    with dsl.If(flag == True):  # noqa: E712
        yes = say(text="yes").set_display_name("yes")
        say(text="more").after(yes)
    with dsl.If(n > 5):
        say(text="big")
    with dsl.Else():
        say(text="small")


@dsl.pipeline(name="loops")
def loops(limit: int = 0):
    found = numbers()
    with dsl.ParallelFor(found.output, parallelism=1) as item:
        make(n=item).set_caching_options(False)
    with dsl.ParallelFor([{"a": 10, "b": 20}, {"a": 30, "b": 40}]) as pair:
        make(n=pair.a)


@dsl.pipeline(name="steps")
def steps():
    first = say(text="first").set_caching_options(False)
    second = say(text="second").after(first).set_caching_options(False)
    say(text="third").after(second).set_caching_options(False)


@dsl.pipeline(name="settings")
def settings():
    step = say(text="x").set_retry(2, backoff_duration="0s").set_env_variable("A", "b")
    step.set_cpu_limit("500m").set_cpu_request("0.25").set_memory_limit("100Mi").set_memory_request("64Mi")


@dsl.pipeline(name="slow-retry")
def slow_retry():
    say(text="x").set_retry(2, backoff_duration="3600s")


@dsl.pipeline(name="farewell")
def farewell():
    bye = say(text="bye")
    with dsl.ExitHandler(bye):
        first = say(text="first")
        say(text="second").after(first)


@dsl.pipeline(name="optional")
def optional(text: str = "t", opt: str = None):
    shout(text=text, opt=opt)


@dsl.pipeline(name="importing")
def importing():
    dsl.importer(artifact_uri="gs://x/y", artifact_class=Dataset)


@dsl.pipeline(name="one-of")
def one_of(flag: bool) -> str:
    with dsl.If(flag == True):  # noqa: E712
        yes = use(data=make(n=1).outputs["data"], v=1.0)
    with dsl.Else():
        no = use(data=make(n=2).outputs["data"], v=2.0)
    return dsl.OneOf(yes.output, no.output)
