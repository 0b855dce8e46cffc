"""deploy: have the controller apply a bundle."""

from __future__ import annotations

import sys

from .context import Context
from .errors import JujuError, UsageError
from .flags import MODEL_FLAG, NO_BROWSER_FLAG, Command, Flag

_NEEDS_TRUST = """Bundle cannot be deployed without trusting applications with your cloud credentials.
Please repeat the deploy command with the --trust argument if you consent to trust the following
application(s):
"""


def deploy(context: Context) -> int:
    """Deploy a bundle from the rehearsal's charm-hub."""
    if not context.args:
        raise UsageError("no charm or bundle specified")
    context.no_more_args(2)
    if len(context.args) == 2:
        raise JujuError("options provided but not supported when deploying a bundle: application name")
    name = context.args[0].removeprefix("ch:")
    if name.startswith(("./", "/", "local:")):
        raise JujuError("this rehearsal deploys from its own charm-hub only, not from local files")
    api, model = context.model()
    found = api.call("Resolve", model=model, name=name, channel=context.option("channel"))
    context.info(f'Located bundle "{name}" in charm-hub, revision {found["revision"]}')
    if found["trust"] and not context.option("trust"):
        names = "".join(f"    - {application}\n" for application in found["trust"])
        raise JujuError((_NEEDS_TRUST + names).rstrip("\n"))
    dry_run = bool(context.option("dry-run"))
    answer = api.call(
        "Deploy", timeout=120, model=model, name=name, channel=context.option("channel"), dry_run=dry_run
    )
    if not answer["changes"]:
        sys.stdout.write("No changes to apply.\n")
        return 0
    sys.stdout.write("Changes to deploy bundle:\n" if dry_run else "Executing changes:\n")
    sys.stdout.write("".join(f"- {change}\n" for change in answer["changes"]))
    sys.stdout.flush()
    if not dry_run:
        context.info("Deploy of bundle completed.")
    return 0


COMMANDS = (
    Command(
        "deploy",
        deploy,
        args="<charm or bundle>",
        purpose="Deploys a new application or bundle.",
        doc="Only what is missing is deployed; when nothing is: 'No changes to apply.'",
        flags=(
            MODEL_FLAG,
            NO_BROWSER_FLAG,
            Flag("channel", text="Channel to use when deploying a charm or bundle from Charmhub"),
            Flag("trust", kind="bool", default=False, text="Allows charm to run hooks that require access"),
            Flag("dry-run", kind="bool", default=False, text="Just show what the deploy would do"),
        ),
    ),
)
