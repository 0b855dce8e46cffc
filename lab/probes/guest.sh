#!/usr/bin/env bash
# Gathers the state of the guest in one go, for `lab status`. It changes nothing.
# Usage: bash guest.sh MARK CONTROLLER MODEL
# Each answer is printed as a line "MARK NAME EXIT-CODE", its standard output, a line
# "MARK NAME stderr" and its standard error. A program that is not installed answers 127.
set -uo pipefail

mark=$1
controller=$2
model=$3
microk8s=/snap/bin/microk8s
juju=/snap/bin/juju
juju_data=$HOME/.local/share/juju

answers=$(mktemp -d)
trap 'rm -rf "$answers"' EXIT

# ask NAME SECONDS COMMAND...: keep what the command says; it may hang, so it gets a deadline.
ask() {
  local name=$1 seconds=$2
  shift 2
  if [ -x "$(command -v "$1")" ]; then
    timeout --kill-after=2 "$seconds" "$@" </dev/null >"$answers/$name.out" 2>"$answers/$name.err"
    echo $? >"$answers/$name.rc"
  else
    echo "$1 is not installed" >"$answers/$name.err"
    echo 127 >"$answers/$name.rc"
  fi
}

# As root, so that the answer does not depend on the groups of this login.
ask_microk8s() {
  local name=$1 seconds=$2
  shift 2
  if [ -x "$microk8s" ]; then
    ask "$name" "$seconds" sudo -n "$microk8s" "$@"
  else
    ask "$name" "$seconds" "$microk8s"
  fi
}

tab='{"\t"}'
ready='.status.conditions[?(@.type=="Ready")]'
# One line an object: kind, namespace, name, wanted and ready pods of a Deployment, the same of a
# DaemonSet, then whether, since when and why a node is ready, then since when a Deployment is.
objects="{range .items[*]}{.kind}$tab{.metadata.namespace}$tab{.metadata.name}$tab{.spec.replicas}$tab{.status.readyReplicas}$tab{.status.desiredNumberScheduled}$tab{.status.numberReady}$tab{$ready.status}$tab{$ready.lastTransitionTime}$tab{$ready.message}$tab{.status.conditions[?(@.type==\"Available\")].lastTransitionTime}{\"\n\"}{end}"
# One line a pod: namespace, name, phase, reasons why its containers wait, why it is not scheduled.
pods="{range .items[*]}{.metadata.namespace}$tab{.metadata.name}$tab{.status.phase}$tab{.status.containerStatuses[*].state.waiting.reason}$tab{.status.conditions[?(@.reason==\"Unschedulable\")].message}{\"\n\"}{end}"

ask_kubernetes() {
  ask_microk8s objects 20 kubectl get nodes,deployments.apps,daemonsets.apps --all-namespaces \
    --request-timeout=15s -o "jsonpath=$objects"
  # The pods say why something is not ready; when all is well that question is saved.
  if awk -F '\t' '($4 > $5 + 0) || ($6 > $7 + 0) { wrong = 1 } END { exit !wrong }' "$answers/objects.out" 2>/dev/null; then
    ask_microk8s pods 20 kubectl get pods --all-namespaces --request-timeout=15s -o "jsonpath=$pods"
  fi
}

ask_juju() {
  ask controllers 5 cat "$juju_data/controllers.yaml"
  ask models 5 cat "$juju_data/models.yaml"
  # Without a controller of that name there is nobody to ask.
  if grep -q "^ *$controller:" "$answers/controllers.out" 2>/dev/null; then
    JUJU_STATUS_ISO_TIME=true ask juju 25 "$juju" status --format json --model "$controller:$model"
  elif [ ! -x "$juju" ]; then
    ask juju 5 "$juju"
  fi
}

ask clock 5 date +%s
ask uptime 5 cat /proc/uptime
ask snapd 5 systemctl show --timestamp=unix --property=ActiveState,ActiveEnterTimestamp snapd.service
ask snaps 15 /usr/bin/snap list --color=never --unicode=never &
ask_microk8s microk8s 45 status --format yaml &
ask_kubernetes &
ask_juju &
wait

for rc in "$answers"/*.rc; do
  name=$(basename "$rc" .rc)
  printf '\n%s %s %s\n' "$mark" "$name" "$(cat "$rc")"
  cat "$answers/$name.out" 2>/dev/null
  printf '\n%s %s stderr\n' "$mark" "$name"
  tail -n 20 "$answers/$name.err"
done
