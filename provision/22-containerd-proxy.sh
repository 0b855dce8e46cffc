#!/usr/bin/env bash
# title: Tell containerd of the proxy
# why: containerd pulls the images. MicroK8s has a file for its environment, and whatever is in there counts
#   only after a restart, as do new certificate authorities. Pods go on running meanwhile.
# layer: microk8s
# timeout: 600
# retries: 2

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=network.sh
. "$PROVISION_DIR/network.sh"

CONTAINERD_ENV=$ROOT/var/snap/microk8s/current/args/containerd-env

as_wanted() { [ "$(block "$CONTAINERD_ENV")" = "$(proxy_variables | in_quotes)" ]; }

# Its first start took them from /etc/environment, where step 05 had put them.
in_force() {
  local pid
  pid=$(systemctl show --property=MainPID --value snap.microk8s.daemon-containerd.service)
  [ "$(sudo cat "$ROOT/proc/$pid/environ" 2>/dev/null | tr '\0' '\n' | grep -Ei '^(https?|no)_proxy=' | sort)" = "$(proxy_variables | sort)" ]
}

check() { [ -z "$(recall containerd-restart)" ] && as_wanted; }

apply() {
  if ! as_wanted; then
    in_force || ask_for_restart
    # The group of those who may use MicroK8s reads and writes all its arguments.
    proxy_variables | in_quotes | put_block "$CONTAINERD_ENV" 0660
  fi
  [ -n "$(recall containerd-restart)" ] || return 0
  wait_snapd 300
  snap_do 300 restart microk8s.daemon-containerd
  forget containerd-restart
}

ready() {
  wait_for 300 "the node to be ready again" node_ready || try_later "The node is not ready after containerd's restart" "'sudo microk8s inspect' says which service fails."
}

dispatch "$@"
