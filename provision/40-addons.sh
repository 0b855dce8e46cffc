#!/usr/bin/env bash
# title: Enable the MicroK8s addons
# why: Name service, storage, HTTP ingress, load-balancer addresses and access control. One at a time,
#   each until its pods run; access control last, because it restarts the API server.
# documented: microk8s enable dns hostpath-storage ingress metallb:10.64.140.43-10.64.140.49 rbac
# layer: microk8s
# timeout: 3600
# retries: 2

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

readonly POOL="ipaddresspools.metallb.io default-addresspool"
# Asked for by this, kubectl need not learn first which kinds there are.
readonly POOL_PATH=/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/default-addresspool

# The addons in the order of the settings, but rbac last.
addons() {
  local addon
  for addon in $LAB_ADDONS; do [ "$addon" = rbac ] || echo "$addon"; done
  ! has_word "$LAB_ADDONS" rbac || echo rbac
}

# What each addon consists of: namespace and object. (rbac has no pods.)
objects() {
  case $1 in
    dns) echo kube-system deployment.apps/coredns ;;
    hostpath-storage) echo kube-system deployment.apps/hostpath-provisioner ;;
    ingress) echo ingress daemonset.apps/nginx-ingress-microk8s-controller ;;
    metallb)
      echo metallb-system deployment.apps/controller
      echo metallb-system daemonset.apps/speaker
      ;;
  esac
}
# Of any other addon MicroK8s is asked whether it is enabled; nobody here knows its pods.
said_to_be_enabled() { [ "$(microk8s 90 status --timeout 20 --addon "$1" 2>/dev/null)" = enabled ]; }

# running ADDON CLUSTER: are all objects of the addon there, with all their pods ready? (CLUSTER: what
# `cluster` says.)
running() {
  local namespace object
  if [ "$1" = rbac ]; then
    refused
    return
  elif [ -z "$(objects "$1")" ]; then
    said_to_be_enabled "$1"
    return
  fi
  while read -r namespace object; do
    awk -F '\t' -v namespace="$namespace" -v object="${object/.apps/}" '
      $1 == namespace && tolower($2) == object && $3 > 0 && $4 == $3 { found = 1 }
      END { exit !found }' <<<"$2" || return 1
  done < <(objects "$1")
}

# Access control is on when an account without any right is refused. (Without it, everybody may.)
refused() {
  local answer
  answer=$(kubectl 10 auth can-i list secrets --request-timeout=5s --as=system:serviceaccount:default:lab-without-rights 2>/dev/null) || true
  [ "${answer%% *}" = no ]
}
# shellcheck disable=SC2317 # called by wait_for
access_control_works() {
  [ "$(kubectl 10 auth can-i '*' '*' --request-timeout=5s 2>/dev/null)" = yes ] && refused
}

range_is_set() {
  local range
  range=$(kubectl 10 get --raw "$POOL_PATH" --request-timeout=5s 2>/dev/null | addresses) &&
    [ "$range" = "$LAB_METALLB_RANGE" ]
}
addresses() { python3 -I -S -c 'import json, sys; print(",".join(json.load(sys.stdin)["spec"]["addresses"]))' 2>/dev/null; }
pool_is_missing() {
  local said
  # shellcheck disable=SC2086 # words, on purpose
  said=$(kubectl 10 -n metallb-system get $POOL --request-timeout=5s -o name 2>&1) || true
  [[ $said == *NotFound* ]]
}

# What `enable` makes after the pods, where it can be seen.
complete() { [ "$1" != metallb ] || ! pool_is_missing; }

# An `enable` that was cut short may leave an addon whose pods run, and which lacks what comes after them. MicroK8s
# calls it enabled. So it is noted for as long as it is at work. (All that rbac does is seen by `running`.)
cut_short() { [ "$1" != rbac ] && [ "$(recall enabling)" = "$1" ]; }

check() {
  [ -x "$MICROK8S" ] && [ -z "$(recall enabling)" ] || return 1
  local now addon
  now=$(cluster) || return 1
  for addon in $LAB_ADDONS; do
    running "$addon" "$now" || return 1
  done
  ! has_word "$LAB_ADDONS" metallb || range_is_set
}

apply() {
  microk8s_running 300 || try_later "MicroK8s is not running" "'sudo microk8s inspect' says which service fails."
  local addon done=0 count
  count=$(addons | wc -l)
  for addon in $(addons); do
    progress "$done/$count $addon"
    if cut_short "$addon" || ! addon_is_working "$addon"; then mend "$addon"; fi
    done=$((done + 1))
  done
  forget enabling
  ! has_word "$LAB_ADDONS" metallb || range_is_set || change_range
  progress "$done/$count all addons are enabled"
  wait_snapd 300
}

# `microk8s enable a b c` is deprecated, computes what is enabled only once, and takes everything after a
# misspelt name as an argument: one call an addon. metallb asks for its range if it gets none.
enable() {
  local word=$1 rc=0 said
  [ "$word" != metallb ] || word=metallb:$LAB_METALLB_RANGE
  note "+ microk8s enable $word"
  remember enabling "$1"
  # As root, whose addon scripts need no sudo. Some of them loop for ever when something is wrong, hence
  # the deadline; they inherit standard input, hence /dev/null.
  said=$(sudo timeout --kill-after=10 600 "$MICROK8S" enable "$word" </dev/null 2>&1) || rc=$?
  note "$said"
  forget enabling
  case $said in
    # The second text, of a name with its repository, comes with exit code 0.
    *"was not found in any repository"* | *"Addon $1 not found"*)
      die "MicroK8s knows no addon $1" "Mend LAB_ADDONS: it is '$LAB_ADDONS'."
      ;;
    *"is not a valid IP Range"*) die "MetalLB does not take the range $LAB_METALLB_RANGE" "Write it as FIRST-LAST or NETWORK/BITS." ;;
  esac
  # Otherwise what counts is what is there afterwards.
  [ "$rc" -eq 0 ] || note "microk8s enable $word ended with $rc"
  microk8s_running 300 || try_later "MicroK8s did not come back after 'microk8s enable $word'" "'sudo microk8s inspect' says which service fails."
}

# An addon is "enabled" as soon as its objects exist; its pods come later. dns is being enabled in the
# background since the installation, so its objects may come later too.
addon_is_working() {
  local now
  now=$(cluster) && running "$1" "$now" && complete "$1"
}

# settled ADDON SECONDS
settled() {
  local namespace object
  if [ "$1" = rbac ]; then
    # `enable rbac` returns before the API server has restarted: until then everybody may do all.
    wait_for "$2" "the API server to come back with access control" access_control_works
    return
  fi
  [ -n "$(objects "$1")" ] || said_to_be_enabled "$1" || return 1
  while read -r namespace object; do
    rolled_out "$2" "$namespace" "$object" || return 1
  done < <(objects "$1")
  complete "$1"
}

mend() {
  local addon=$1 namespace
  if cut_short "$addon"; then
    note "$addon was being enabled when that was cut short: once more from the start"
  else
    enable "$addon"
    ! settled "$addon" "$LAB_ADDON_TIMEOUT" || return 0
    note "$addon is enabled but does not work: once more from the start"
  fi
  start_over "$addon"
  ! settled "$addon" "$((LAB_ADDON_TIMEOUT / 2))" || return 0
  namespace=$(objects "$addon" | awk 'NR == 1 { print $1 }')
  [ -z "$namespace" ] || show_pods "$namespace"
  try_later "The addon $addon does not get ready" "Its pods are in the log; 'microk8s kubectl get pods -A' shows them all."
}

# "Addon core/NAME is already enabled" is all that `enable` does about one that is enabled but broken.
start_over() {
  remember enabling "$1"
  if [ "$1" = hostpath-storage ]; then
    # Its `disable` offers to delete the data. Without pods it is not enabled either, and the data stays.
    kubectl 90 -n kube-system delete deployment/hostpath-provisioner --ignore-not-found --cascade=foreground --timeout=60s || true
  else
    sudo timeout --kill-after=10 300 "$MICROK8S" disable "$1" </dev/null || true
  fi
  enable "$1"
}

# On an enabled metallb another range is no argument of `enable` any more ("already enabled").
change_range() {
  local addresses=${LAB_METALLB_RANGE//,/\",\"}
  # shellcheck disable=SC2086 # words, on purpose
  kubectl 60 -n metallb-system patch $POOL --type=merge --patch "{\"spec\":{\"addresses\":[\"$addresses\"]}}" ||
    try_later "MetalLB does not take the range $LAB_METALLB_RANGE" "Is it written as FIRST-LAST or NETWORK/BITS?"
  wait_for 60 "MetalLB's new range" range_is_set || try_later "MetalLB does not take the range $LAB_METALLB_RANGE"
}

dispatch "$@"
