"""Where the lab's files are in the guest, and the shell commands that the engine runs there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

HOME = ".kubeflow-lab"
"""The lab's directory in the guest, from the login user's home directory."""

PROVISION = f"{HOME}/provision"
ENV_FILE = f"{HOME}/lab.env"
CA_FILE = f"{HOME}/ca-certificates.pem"
CREDENTIALS = f"{HOME}/credentials"
KUBECONFIG = ".kube/config"

# In a tmpfs: after a reboot there is nothing left to stop, and the number may be another process's.
_SESSION_FILE = "/run/lock/kubeflow-lab.session"

_CHECKED = re.compile(r"^::checked (\S+) ([01])$", re.MULTILINE)


def script(name: str, action: str) -> str:
    """Return the command that runs one action of a script to its end."""
    return f"bash ~/{PROVISION}/{shlex.quote(name)}.sh {shlex.quote(action)}"


def stoppable(command: str) -> str:
    """Return the command, made so that `stop_leftovers` finds it even from another connection."""
    # The sixth field is the session, which the SSH server makes anew for each command.
    return f"read -r _ _ _ _ _ session _ </proc/$$/stat; echo $session >{_SESSION_FILE}; {command}"


def stop_leftovers() -> str:
    """Return a command that ends what a run left behind that could not end it itself.

    A command outlives a connection that breaks. Two runs of one step at a time would
    disturb each other, so nothing is started before the older one has ended.
    """
    return f"""
[ -s {_SESSION_FILE} ] || exit 0
session=$(cat {_SESSION_FILE})
rm -f {_SESSION_FILE}
grep -qs {HOME} "/proc/$session/cmdline" || exit 0
# Some of it may be root's, by way of sudo.
end() {{ sudo -n pkill "-$1" -s "$session" 2>/dev/null || pkill "-$1" -s "$session"; }}
end TERM || exit 0
# Ended ones count no more, even where nobody collects them.
for _ in $(seq 50); do
  pgrep -s "$session" -r D,I,R,S,T,t >/dev/null || break
  sleep 0.2
done
end KILL
echo stopped
"""


def look(names: Sequence[str]) -> str:
    """Return a command that checks the steps up to the first that is not satisfied.

    One round trip, and what several checks ask is asked once: most of the time of an `up`
    that finds everything in place would go there.
    """
    return f"bash ~/{PROVISION}/look.sh {shlex.join(names)}"


def checked(output: str) -> dict[str, bool]:
    """Return what `look` said: whether each step it came to is satisfied.

    A step whose check could not be made is left out.
    """
    return {name: code == "0" for name, code in _CHECKED.findall(output)}


def sums() -> str:
    """Return a command that lists the sha256 sums of the scripts and their settings."""
    return f"find {PROVISION} {ENV_FILE} {CA_FILE} -type f -exec sha256sum {{}} + 2>/dev/null"


def fresh_home() -> str:
    """Return a command that makes room for the scripts, so that none of an older version stays."""
    return f"install -d -m 700 ~/{HOME} && rm -rf ~/{PROVISION}"
