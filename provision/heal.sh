#!/usr/bin/env bash
# Mends what is stuck after the VM slept, was restarted, or was put back to a snapshot. It starts MicroK8s if
# it is stopped, waits for the node, the pods and the applications, and makes anew only what stays stuck.
# Usage: bash heal.sh check    print what is not as it should be; exit code 1 if there is anything
#        bash heal.sh apply    mend it; a line "::did ..." for each thing that was done
# What the lab does not have yet is not missed, and pods in other namespaces than the lab's are left alone.
# The clock has to be right before (`python -m lab heal` sees to it).

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Seconds for all of it; for a pod whose containers fail; for one that only does not get ready.
LAB_HEAL_TIMEOUT=${LAB_HEAL_TIMEOUT:-1500}
LAB_HEAL_SOON=${LAB_HEAL_SOON:-30}
LAB_HEAL_LATE=${LAB_HEAL_LATE:-180}
# Looks in a row that find everything right.
LAB_HEAL_STABLE=${LAB_HEAL_STABLE:-2}
readonly TIMES=2 # that one thing is made anew in one run

did() { printf '::did %s\n' "$1"; }

# --- looking ----------------------------------------------------------------------------------

has_microk8s() { [ -x "$MICROK8S" ]; }
# A controller that a bootstrap has left half made is for step 65.
has_controller() {
  [ -x "$JUJU" ] && [ -z "$(recall bootstrapping)" ] &&
    juju 60 controllers --format json 2>/dev/null | facts known-controller "$LAB_CONTROLLER"
}
has_applications() { [ -n "$(recall deployed)" ]; }

# stuck_pods: a line for each node or pod that is not as it should be; fails if the cluster does not answer.
stuck_pods() {
  kubectl 40 get nodes,pods,leases.coordination.k8s.io --all-namespaces --request-timeout=30s -o json 2>/dev/null |
    python3 -I -S "$PROVISION_DIR/stuck_pods.py" "$ROOT/proc/sys/kernel/random/boot_id" \
      kube-system ingress metallb-system "$CONTROLLER_NAMESPACE" "$LAB_MODEL"
}

# look: asks the cluster and Juju at the same time, and leaves what it found in $found/pods and $found/apps.
# Fails if anything is not as it should be; $trouble says what, in a few words.
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
trouble=
look() {
  trouble=
  : >"$found/pods"
  : >"$found/apps"
  has_microk8s || return 0
  {
    stuck_pods >"$found/pods" || echo failed >"$found/pods"
  } &
  if has_applications; then
    { juju 60 status --model "$MODEL" --format json >"$found/apps" 2>/dev/null || true; } &
  elif has_controller; then
    {
      juju 60 show-controller "$LAB_CONTROLLER" --format json 2>/dev/null |
        facts controller "$LAB_CONTROLLER" >/dev/null || echo silent >"$found/apps"
    } &
  fi
  wait
  if [ "$(cat "$found/pods")" = failed ]; then
    trouble="the cluster does not answer"
  elif [ -s "$found/pods" ]; then
    trouble=$(awk -F '\t' '{ what = $1 == "wait" && $2 == "-" ? $6 : $2 "/" $3 " (" $6 ")" }
      NR <= 3 { text = text sep what; sep = ", " }
      END { print text (NR > 3 ? " and " NR - 3 " more" : "") }' "$found/pods")
  elif has_applications; then
    local active
    active=$(facts overview <"$found/apps" | sed -n 's/^active //p') || true
    case $active in
      yes*) ;;
      no*) trouble="applications: ${active#no }" ;;
      *) trouble="Juju does not answer" ;;
    esac
  elif [ -s "$found/apps" ]; then
    trouble="Juju's controller does not answer"
  fi
  [ -z "$trouble" ]
}

# --- mending ----------------------------------------------------------------------------------

declare -A since=() made=() waits=()
got_on=0

start_microk8s() {
  # Stopped on purpose once, it stays so, and says so with exit code 0.
  if [[ $(microk8s 60 status --timeout 1 2>/dev/null) == *"microk8s start"* ]]; then
    waiting "MicroK8s to start"
    sudo timeout --kill-after=10 300 "$MICROK8S" start </dev/null || true
    did "MicroK8s was stopped: started"
  fi
  waiting "MicroK8s to be ready"
  microk8s_running 300 && return
  waiting "the services of MicroK8s to start anew"
  sudo timeout --kill-after=10 300 "$SNAP" restart microk8s </dev/null || true
  did "MicroK8s did not get ready: its services started anew"
  microk8s_running 300 || die "MicroK8s does not get ready" "'sudo microk8s inspect' says which service fails."
}

# patient THING SECONDS: has it been seen for less than that? The first look counts as the beginning, not what
# the cluster says: after a jump of the clock everything seems to have lasted for hours.
patient() {
  : "${since[$1]:=$SECONDS}"
  [ $((SECONDS - since[$1])) -lt "$2" ]
}
# again THING: may this be made anew once more?
again() {
  made[$1]=$((${made[$1]:-0} + 1))
  [ "${made[$1]}" -le "$TIMES" ]
}

# notice_progress: after a start all pods begin at once, and the last of them has to wait for all others. While one
# that was only late is late no more, or waits for something else, the late ones are not stuck.
notice_progress() {
  local how uid reason
  local -A now=()
  while IFS=$'\t' read -r how _ _ uid _ reason; do
    case $how in
      late | gone) now[$uid]=$reason ;;
      soon) unset "waits[$uid]" ;; # it fails, which is no progress
    esac
  done <"$found/pods"
  for uid in "${!waits[@]}"; do
    [ "${now[$uid]:-}" = "${waits[$uid]}" ] || got_on=$SECONDS
  done
  waits=()
  for uid in "${!now[@]}"; do waits[$uid]=${now[$uid]}; done
}

mend_pods() {
  local how namespace pod uid owner reason seconds
  [ "$(cat "$found/pods")" != failed ] || return 0
  notice_progress
  while IFS=$'\t' read -r how namespace pod uid owner reason; do
    case $how in
      soon) seconds=$LAB_HEAL_SOON ;;
      late | gone)
        seconds=$LAB_HEAL_LATE
        [ $((SECONDS - got_on)) -ge "$seconds" ] || continue
        ;;
      *) continue ;;
    esac
    ! patient "$uid" "$seconds" || continue
    again "$namespace/$owner" || continue
    if [ "$how" = gone ]; then
      kubectl 60 -n "$namespace" delete pod "$pod" --grace-period=0 --force --wait=false --ignore-not-found 2>&1 || continue
      did "pod $namespace/$pod did not go away: removed by force"
    else
      kubectl 60 -n "$namespace" delete pod "$pod" --wait=false --ignore-not-found 2>&1 || continue
      did "pod $namespace/$pod was stuck ($reason): made anew"
    fi
  done <"$found/pods"
}

# A hook that failed is repeated by Juju itself, later and later.
mend_units() {
  local unit message
  has_applications || return 0
  while IFS=$'\t' read -r unit message; do
    ! patient "$unit" "$LAB_HEAL_SOON" || continue
    again "$unit" || continue
    juju 60 resolve --model "$MODEL" "$unit" 2>&1 || continue
    did "unit $unit was in error ($message): its hook is run again"
  done < <(facts units-in-error <"$found/apps")
}

# After a start the cluster shows for a moment what was before it.
just_started() { awk '$1 < 600 { new = 1 } END { exit !new }' "$ROOT/proc/uptime"; }

# Until everything has been right several times in a row.
mend_until_right() {
  local end=$((SECONDS + LAB_HEAL_TIMEOUT)) right=0
  while :; do
    if look; then
      right=$((right + 1))
      [ "$right" -lt "$LAB_HEAL_STABLE" ] || return 0
    else
      right=0
      waiting "$trouble"
      [ "$SECONDS" -lt "$end" ] || return 1
      mend_pods
      mend_units
    fi
    sleep "$LAB_POLL"
  done
}

apply() {
  if look && ! just_started; then
    progress "1/1 nothing is stuck"
    return
  fi
  has_microk8s || return 0
  note "not as it should be: ${trouble:-the VM was started just now}"
  progress "0/3 snapd"
  wait_for 300 "snapd to answer" "$SNAP" version >/dev/null 2>&1 || try_later "snapd does not answer" "See 'systemctl status snapd'."
  wait_snapd 300
  progress "1/3 MicroK8s"
  start_microk8s
  progress "2/3 pods and applications"
  if ! mend_until_right; then
    cut -f 2,3,6 "$found/pods"
    show_pods "$LAB_MODEL"
    die "After $((LAB_HEAL_TIMEOUT / 60)) min something is still not ready: $trouble" "The log has the pods and their events; 'python -m lab status' shows every layer."
  fi
  progress "3/3 everything is ready"
}

check() {
  look && return
  printf 'not as it should be: %s\n' "$trouble"
  return 1
}

check_or_apply "$@"
