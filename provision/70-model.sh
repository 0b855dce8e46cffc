#!/usr/bin/env bash
# title: Add the model
# why: A model is Juju's name for a namespace with applications. Kubeflow's bundle expects it to be
#   called kubeflow.
# documented: juju add-model kubeflow
# layer: juju
# timeout: 900
# retries: 3

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=network.sh
. "$PROVISION_DIR/network.sh"

models() { juju 60 models --controller "$LAB_CONTROLLER" --format json 2>/dev/null; }
life() { models | facts model "$LAB_MODEL"; }
alive() { [ "$(life)" = alive ]; }
# Only an answer counts: "no such model" and "no answer" are not the same.
# shellcheck disable=SC2317 # called by wait_for
gone() {
  local answer
  answer=$(models) && ! facts model "$LAB_MODEL" <<<"$answer" >/dev/null
}
namespace_phase() {
  kubectl 20 get namespace "$LAB_MODEL" --ignore-not-found --request-timeout=15s -o 'jsonpath={.status.phase}' 2>/dev/null
}
# shellcheck disable=SC2317 # called by wait_for
namespace_gone() {
  local phase
  phase=$(namespace_phase) && [ -z "$phase" ]
}

check() {
  [ -x "$JUJU" ] && juju_told "$LAB_MODEL" || return 1
  ! looking || [ "$(overview model)" != available ] || return 0
  alive
}

apply() {
  if alive; then
    tell_juju "$LAB_MODEL"
    return
  fi
  # A model that is being destroyed, or whose namespace is, still holds the name.
  wait_for 300 "the old model $LAB_MODEL to go" gone || try_later "The old model $LAB_MODEL does not go away" "See 'juju models', or start afresh: 'python -m lab reset'."
  [ "$(namespace_phase)" != Active ] ||
    die "The namespace $LAB_MODEL exists, but Juju has no such model" "Look what is in it, then remove it: microk8s kubectl delete namespace $LAB_MODEL"
  wait_for 300 "the old namespace $LAB_MODEL to go" namespace_gone || try_later "The old namespace $LAB_MODEL does not go away" "See 'microk8s kubectl get namespace $LAB_MODEL -o yaml'."
  local said rc=0
  forget deployed # it was another model's
  forget options
  local command=(juju 180 add-model "$LAB_MODEL" --controller "$LAB_CONTROLLER")
  if proxied; then
    remember "juju-proxy-$LAB_MODEL" yes
    command=(with_proxy_file "${command[@]}" --config)
  fi
  said=$("${command[@]}" 2>&1) || rc=$?
  note "$said"
  # Three different texts say that it exists already; what counts is what is there.
  [ "$rc" -eq 0 ] || alive || try_later "'juju add-model $LAB_MODEL' failed: $(tail -n 1 <<<"$said")"
}

ready() {
  wait_for 120 "the model $LAB_MODEL" alive || try_later "Juju does not list the model $LAB_MODEL"
  # So that people need no --model.
  juju 30 switch "$MODEL" || true
}

dispatch "$@"
