#!/usr/bin/env bash
# title: Tell Juju about the cluster
# why: Juju calls it a cloud, and keeps its address and an account of its own in it.
# documented: microk8s config | juju add-k8s my-k8s --client
# layer: juju
# timeout: 600
# retries: 3

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

known() { juju 60 clouds --client --format json 2>/dev/null | facts cloud "$LAB_CLOUD"; }

# The cloud belongs to this cluster and this address of it; the client also outlives its cluster.
identity() {
  local id
  id=$(cluster_id) && [ -n "$id" ] && echo "$id $(awk '$1 == "server:" { print $2; exit }' "$KUBECONFIG_FILE")"
}

check() {
  local id
  [ -x "$JUJU" ] && [ -f "$KUBECONFIG_FILE" ] && id=$(identity) && [ "$(recall cloud)" = "$id" ] && known
}

apply() {
  local id said rc=0
  id=$(identity) || try_later "The cluster does not answer" "'microk8s status' says more."
  if known; then
    if [ "$(recall cloud)" = "$id" ]; then return; fi
    # Of another cluster, or half added: add-k8s would refuse ("already exists").
    note "The cloud $LAB_CLOUD is not known to be that of this cluster: added again"
    juju 120 remove-cloud "$LAB_CLOUD" --client || note "remove-cloud failed"
  fi
  # The pipe of the documented line hides a failure of its left side, and add-k8s reads standard input
  # to its end, which never comes while an ssh session is open. From the file, with input closed, and
  # --client answers the question it would ask.
  said=$(juju 180 add-k8s "$LAB_CLOUD" --client 2>&1) || rc=$?
  note "$said"
  if [ "$rc" -ne 0 ]; then
    case $said in
      *"No recommended storage"*) die "Juju finds no storage class in the cluster" "Is the addon hostpath-storage enabled?" ;;
      *) try_later "'juju add-k8s $LAB_CLOUD --client' failed: $(tail -n 1 <<<"$said")" ;;
    esac
  fi
  known || try_later "Juju does not list the cloud $LAB_CLOUD after it was added"
  remember cloud "$id"
}

dispatch "$@"
