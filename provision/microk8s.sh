#!/usr/bin/env bash
# MicroK8s and its cluster: how they are asked, and waited for. Sourced by lib.sh.

# microk8s SECONDS ARGS...: works in any session. A login gets its groups when it begins, so one that
# was open before `usermod` needs `sg` (which, unlike `newgrp`, starts no shell that swallows the rest
# of a script), and before `usermod` it is root's.
microk8s() {
  local seconds=$1
  shift
  if [ "${MICROK8S_VIA:=$(microk8s_via)}" = session ]; then
    limited "$seconds" "$MICROK8S" "$@"
  elif [ "$MICROK8S_VIA" = sg ]; then
    sg "$MICROK8S_GROUP" -c "exec $(quoted timeout --kill-after=10 "$seconds" "$MICROK8S" "$@")" </dev/null
  else
    sudo timeout --kill-after=10 "$seconds" "$MICROK8S" "$@" </dev/null
  fi
}
microk8s_via() {
  if has_word "$(id -nG)" "$MICROK8S_GROUP"; then
    echo session
  elif in_microk8s_group; then
    echo sg
  else
    echo sudo
  fi
}
in_microk8s_group() { has_word "$(id -nG "$(login)")" "$MICROK8S_GROUP"; }

# kubectl SECONDS ARGS...
kubectl() {
  local seconds=$1
  shift
  microk8s "$seconds" kubectl "$@"
}

# microk8s_says FILE: does this answer of `status --format yaml` say that it runs? Exit code 0 alone does
# not: a stopped MicroK8s answers 0 and one plain line.
microk8s_says() {
  awk '/^microk8s:/ { inside = 1; if (/running: *[Tt]rue/) found = 1; next }
       /^[^ ]/ { inside = 0 }
       inside && /^ +running: *[Tt]rue *$/ { found = 1 }
       END { exit !found }' "$1"
}

# microk8s_running SECONDS: MicroK8s is ready now or within the time. Always with --timeout: --wait-ready
# alone waits for ever. The command itself gets a minute more (it also asks the datastore).
microk8s_running() {
  local answer rc=1
  answer=$(mktemp)
  if microk8s $(($1 + 60)) status --wait-ready --timeout "$1" --format yaml >"$answer" 2>&1 && microk8s_says "$answer"; then
    rc=0
  else
    tail -n 1 "$answer"
  fi
  rm -f "$answer"
  return "$rc"
}

# cluster: one question about nodes, namespaces and what runs pods. One line an object, with tabs: namespace,
# Kind/name, pods wanted, pods ready (of a node: whether it is ready), identity.
cluster() { shared cluster ask_cluster; }
ask_cluster() {
  kubectl 15 get nodes,namespaces,deployments.apps,daemonsets.apps --all-namespaces --request-timeout=10s -o jsonpath="$CLUSTER" 2>/dev/null
}
readonly TAB='{"\t"}'
readonly CLUSTER="{range .items[*]}{.metadata.namespace}$TAB{.kind}/{.metadata.name}$TAB{.spec.replicas}{.status.desiredNumberScheduled}$TAB{.status.readyReplicas}{.status.numberReady}{.status.conditions[?(@.type==\"Ready\")].status}$TAB{.metadata.uid}{\"\n\"}{end}"

# node_ready: quick; true if the API answers and the node is Ready.
node_ready() {
  cluster | awk -F '\t' '$2 ~ /^Node\// { found = 1; if ($4 != "True") late = 1 } END { exit !found || late }'
}

# rolled_out SECONDS NAMESPACE KIND/NAME: first until the object exists (an addon may be enabled in the
# background), then until its pods are there.
rolled_out() {
  local end=$((SECONDS + $1))
  wait_for "$1" "$3 to appear" kubectl 20 -n "$2" get "$3" -o name >/dev/null 2>&1 || return 1
  local left=$((end - SECONDS))
  [ "$left" -gt 5 ] || left=5
  waiting "the pods of $3"
  kubectl $((left + 15)) -n "$2" rollout status "$3" --timeout="${left}s"
}

# show_pods NAMESPACE: for the log of a step that failed.
show_pods() {
  note "--- pods of $1"
  kubectl 20 -n "$1" get pods -o wide 2>&1 || true
  kubectl 20 -n "$1" get events --sort-by=.lastTimestamp 2>&1 | tail -n 15 || true
}

# cluster_id: the same as long as it is the same cluster.
cluster_id() { cluster | awk -F '\t' '$2 == "Namespace/kube-system" { print $5 }'; }
