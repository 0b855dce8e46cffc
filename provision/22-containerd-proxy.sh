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

check() { [ -z "$(recall containerd-restart)" ] && as_wanted; }

apply() {
  if ! as_wanted; then
    ask_for_restart
    # The group of those who may use MicroK8s reads and writes all its arguments.
    proxy_variables | in_quotes | put_block "$CONTAINERD_ENV" 0660
  fi
  wait_snapd 300
  snap_do 300 restart microk8s.daemon-containerd
  forget containerd-restart
}

ready() {
  wait_for 300 "the node to be ready again" node_ready || try_later "The node is not ready after containerd's restart" "'sudo microk8s inspect' says which service fails."
}

dispatch "$@"
