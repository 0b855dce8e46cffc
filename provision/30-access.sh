#!/usr/bin/env bash
# title: Let the login user use MicroK8s
# why: Members of the group microk8s need no sudo. The group exists only once the snap is installed, and
#   a session has the groups it began with, so the lab connects again after this step.
# documented: sudo usermod -a -G microk8s $USER
# documented: newgrp microk8s
# documented: sudo chown -f -R $USER ~/.kube
# layer: microk8s
# timeout: 120
# retries: 1
# session: new

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

own_directory() { [ -d "$1" ] && [ "$(stat -c '%U %a' "$1")" = "$(login) 700" ]; }

check() { in_microk8s_group && own_directory "$HOME/.kube"; }

apply() {
  getent group "$MICROK8S_GROUP" >/dev/null || die "There is no group $MICROK8S_GROUP" "The MicroK8s snap brings it: install it first."
  sudo usermod -a -G "$MICROK8S_GROUP" "$(login)" # not $USER: see lib.sh
  # `newgrp microk8s` starts a shell that reads the rest of the script as its input. Instead: `sg` for
  # single commands in old sessions (lib.sh), and a new session for what follows.

  # `chown -f ~/.kube` fails, silently, when there is no such directory.
  mkdir -p "$HOME/.kube"
  sudo chown -R "$(login)" "$HOME/.kube"
  chmod 700 "$HOME/.kube"
}

# Without sudo now. The configuration is readable for the group, whether the API server answers or not.
ready() {
  microk8s 30 config >/dev/null || die "$(login) cannot use MicroK8s in spite of the group" "Log in again and try 'microk8s config'."
}

dispatch "$@"
