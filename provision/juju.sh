#!/usr/bin/env bash
# Juju: how it is asked, and how its answers are read. Sourced by lib.sh.
# shellcheck disable=SC2034 # set for the steps

# juju SECONDS ARGS...: strictly confined, so the kubeconfig must be below ~/.kube and the working
# directory below the home directory; standard input is closed (add-k8s would read it to its end).
juju() {
  local seconds=$1
  shift
  (cd "$HOME" && KUBECONFIG=$KUBECONFIG_FILE limited "$seconds" "$JUJU" "$@")
}

# facts KIND [ARGS...]: what one of juju's JSON answers (on standard input) says; see juju_status.py.
facts() { python3 -I -S "$PROVISION_DIR/juju_status.py" "$@"; }

readonly MODEL=$LAB_CONTROLLER:$LAB_MODEL
readonly CONTROLLER_NAMESPACE=controller-$LAB_CONTROLLER

# overview LINE: of the lines that tell how the model is, the rest of the one that begins with this word.
overview() {
  local lines
  lines=$(shared overview ask_overview) || return 1
  sed -n "s/^$1 //p" <<<"$lines"
}
ask_overview() { juju 60 status --model "$MODEL" --format json 2>/dev/null | facts overview; }
