#!/usr/bin/env bash
# title: Start the Juju controller
# why: The controller is Juju's server; it runs in the cluster, in the namespace controller-NAME. An
#   attempt that was cut short leaves half of one behind, which has to go before the next.
# documented: juju bootstrap my-k8s uk8sx
# layer: juju
# timeout: 3600
# retries: 2

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=network.sh
. "$PROVISION_DIR/network.sh"

agent_version() { juju 60 show-controller "$LAB_CONTROLLER" --format json 2>/dev/null | facts controller "$LAB_CONTROLLER"; }
# shellcheck disable=SC2317 # called by wait_for
answers() { agent_version >/dev/null; }
known() { juju 60 controllers --format json 2>/dev/null | facts known-controller "$LAB_CONTROLLER"; }

# namespace_id NAME: its identity, nothing if there is none; fails if the cluster does not say.
namespace_id() { kubectl 20 get namespace "$1" --ignore-not-found --request-timeout=15s -o 'jsonpath={.metadata.uid}'; }
gone() {
  local id
  id=$(namespace_id "$1" 2>/dev/null) && [ -z "$id" ]
}

check() {
  local version
  [ -x "$JUJU" ] && juju_told controller || return 1
  # A model is never newer than its controller, and its answer is there already.
  ! looking || ! at_least "$(overview version)" "$LAB_JUJU_MINIMUM" || return 0
  version=$(agent_version) && at_least "$version" "$LAB_JUJU_MINIMUM"
}

apply() {
  local id
  id=$(namespace_id "$CONTROLLER_NAMESPACE") || try_later "The cluster does not answer" "'microk8s status' says more."
  if known && [ -n "$id" ]; then
    if [ -z "$(recall bootstrapping)" ]; then
      # It was complete once and may hold somebody's work: it is waited for, never thrown away.
      wait_for 600 "the controller to answer" answers ||
        try_later "The controller $LAB_CONTROLLER does not answer" "See 'microk8s kubectl -n $CONTROLLER_NAMESPACE get pods'; 'python -m lab reset' starts afresh."
      tell_juju controller
      return
    fi
    # Perhaps the attempt was cut short at its very end.
    if answers; then
      tell_juju controller
      return
    fi
  fi
  clean_up "$id"
  remember bootstrapping yes
  bootstrap
}

# What an attempt left on either side makes the next one fail with "already exists".
clean_up() {
  if known; then
    note "Juju knows a controller $LAB_CONTROLLER that does not work: it goes"
    # Without a controller that answers it destroys by itself what it finds in the cluster.
    [ -z "$1" ] || juju 420 kill-controller "$LAB_CONTROLLER" --no-prompt --timeout 2m 2>&1 || true
    ! known || juju 60 unregister "$LAB_CONTROLLER" --no-prompt 2>&1 || true
  fi
  local namespace
  for namespace in "$CONTROLLER_NAMESPACE" "$LAB_MODEL"; do
    ! gone "$namespace" || continue
    # A model without its controller is out of reach for ever. Also waits for one that is "Terminating".
    note "The namespace $namespace is left from another controller: it goes"
    kubectl 60 delete namespace "$namespace" --wait=false --ignore-not-found 2>&1 || true
    wait_for 300 "the namespace $namespace to go" gone "$namespace" ||
      try_later "The namespace $namespace does not go away" "See 'microk8s kubectl get namespace $namespace -o yaml', or start afresh: 'python -m lab reset'."
  done
  kubectl 60 delete clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations \
    -l model.juju.is/name --ignore-not-found 2>&1 || true
}

bootstrap() {
  local log rc=0
  log=$(mktemp)
  waiting "juju bootstrap (it pulls images first)"
  # Juju's own limit of 20 minutes is short for a first pull on a slow line. Its progress goes to standard
  # error, line by line.
  local command=(juju 2400 bootstrap "$LAB_CLOUD" "$LAB_CONTROLLER" --config bootstrap-timeout=1800)
  if proxied; then
    # The controller fetches charms, its own first of all.
    remember juju-proxy-controller yes
    command=(with_proxy_file "${command[@]}" --config)
  fi
  "${command[@]}" 2>&1 | tee "$log" || rc=$?
  if [ "$rc" -ne 0 ]; then
    local reason
    reason=$(grep -E '^ERROR' "$log" | tail -n 1 || true)
    rm -f "$log"
    show_pods "$CONTROLLER_NAMESPACE"
    try_later "'juju bootstrap $LAB_CLOUD $LAB_CONTROLLER' failed: ${reason:-exit code $rc}" "Its pods are in the log; a full disk, no name service and no images are the usual reasons."
  fi
  rm -f "$log"
}

ready() {
  wait_for 300 "the controller to answer" answers ||
    try_later "The controller $LAB_CONTROLLER does not answer" "See 'microk8s kubectl -n $CONTROLLER_NAMESPACE get pods'."
  local version
  version=$(agent_version) || try_later "The controller $LAB_CONTROLLER does not answer"
  # The charms ask the controller's version, not the client's.
  at_least "$version" "$LAB_JUJU_MINIMUM" ||
    die "The controller is Juju $version, older than $LAB_JUJU_MINIMUM" "Choose another channel (LAB_JUJU_CHANNEL), then 'python -m lab reset --again'."
  forget bootstrapping
}

dispatch "$@"
