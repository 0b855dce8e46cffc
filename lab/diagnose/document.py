"""Renders ``docs/errors.md``: exit codes, error codes and known issues."""

from __future__ import annotations

from collections.abc import Iterable

from lab.diagnose.known_issues import LAYERS, KnownIssue, known_issues
from lab.diagnose.registry import CLASSES, error_codes
from lab.diagnose.wording import cell

_HEAD = """\
# Errors

Rendered from `lab/diagnose/*.yaml` by `python -m lab.diagnose > docs/errors.md`.

An error says its code, one sentence, what to do, and where the log is; `--debug` adds the traceback.
If the trouble is one that others had before, it names the [known issue](#known-issues), too.
`python -m lab logs --problems` gathers what matters from all logs and from the VM.

## Exit codes

| exit code | meaning |
|---|---|
| 0 | all went well |
| 3 | `python -m lab status --drift` found a difference |
"""

_EXIT_CODES = {
    "bug": "a mistake in the lab itself",
    "usage": "a bad option, setting, edition or name",
    "host": "something is missing or broken on this computer",
    "vm": "the virtual machine, or Vagrant, failed",
    "network": "the snap store or another service of the network cannot be reached",
    "microk8s": "MicroK8s is not there, or does not work",
    "juju": "Juju's client, controller or model failed",
    "kubeflow": "an application of Kubeflow did not get ready",
    "acceptance": "the acceptance suite found something wrong",
    "interrupted": "interrupted by Ctrl-C or a signal",
}

_CODES = """
## Error codes

A step's failure (`LAB-STEP-...`) has the exit code of its layer, which [steps.md](steps.md) names.
"""

_ISSUES = """
## Known issues

In the order in which one thing needs the other: the first that fits is the one to mend. The commands are
for this computer; what follows `python -m lab exec --` may as well be typed in the VM (`python -m lab ssh`,
or `vagrant ssh` with plain Vagrant, where `vagrant up --provision` takes the place of `python -m lab up`).
"""

_LAYERS = {
    "host": "This computer",
    "vm": "The VM",
    "network": "The network",
    "snapd": "snapd",
    "microk8s": "MicroK8s",
    "juju": "Juju",
    "kubeflow": "Kubeflow",
}


def document() -> str:
    """Return the whole document, in Markdown."""
    lines = [_HEAD + "\n".join(f"| {CLASSES[kind]} | {what} |" for kind, what in _EXIT_CODES.items()), _CODES]
    lines += _codes()
    lines.append(_ISSUES)
    for layer in LAYERS:
        issues = [issue for issue in known_issues() if issue.layer == layer]
        lines += [f"### {_LAYERS[layer]}", "", *_issues(issues)]
    return "\n".join(lines).rstrip() + "\n"


def _codes() -> Iterable[str]:
    yield "| code | exit code | meaning | what to do |"
    yield "|---|---|---|---|"
    for code, entry in error_codes().items():
        number = "the layer's" if entry.exit_code is None else entry.exit_code
        yield f"| {code} | {number} | {cell(entry.means)} | {cell(entry.advice_markdown)} |"


def _issues(issues: Iterable[KnownIssue]) -> Iterable[str]:
    for issue in issues:
        yield f"#### {issue.id}"
        yield ""
        yield f"**{issue.title}.** {issue.symptom}"
        yield ""
        yield f"- Cause: {issue.cause_markdown}"
        yield f"- Fix: {issue.fix_markdown}"
        if issue.links:
            yield "- More: " + ", ".join(
                f"[{link}]({url})" for link, url in zip(issue.links, issue.urls, strict=True)
            )
        yield ""
