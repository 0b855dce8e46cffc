#!/usr/bin/env bash
# What the steps of this folder share. A step is a script NN-name.sh that
#   - starts with a header of "# key: value" lines (see README.md),
#   - defines `check` (read-only: 0 = nothing to do, 1 = something to do), `apply` and, if its result
#     needs time to become usable, `ready`,
#   - ends with `dispatch "$@"`.
# It runs in the guest as the login user and uses sudo where root is needed.
# shellcheck disable=SC2034 # much of what is set here is used by the steps only
set -euo pipefail

# Nothing here may ask or read anything: over ssh standard input stays open, and a program that reads it
# waits for ever.
exec </dev/null

PROVISION_DIR=${BASH_SOURCE[0]%/*}
[[ $PROVISION_DIR == /* ]] || PROVISION_DIR=$PWD/$PROVISION_DIR
LAB_HOME=${LAB_HOME:-$HOME/.kubeflow-lab}

# The settings of this lab. Without the file each setting has the value of the documented sequence.
LAB_ENV=${LAB_ENV:-$LAB_HOME/lab.env}
if [ -r "$LAB_ENV" ]; then
  # shellcheck source=/dev/null
  . "$LAB_ENV"
fi
LAB_SNAP_SOURCE=${LAB_SNAP_SOURCE:-store}
LAB_CLASSIC_SNAPS=${LAB_CLASSIC_SNAPS-microk8s}
LAB_MICROK8S_CHANNEL=${LAB_MICROK8S_CHANNEL:-1.29/stable}
LAB_ADDONS=${LAB_ADDONS-dns hostpath-storage ingress metallb rbac}
LAB_METALLB_RANGE=${LAB_METALLB_RANGE:-10.64.140.43-10.64.140.49}
LAB_ADDON_TIMEOUT=${LAB_ADDON_TIMEOUT:-600}
LAB_JUJU_CHANNEL=${LAB_JUJU_CHANNEL:-3.4/stable}
LAB_JUJU_MINIMUM=${LAB_JUJU_MINIMUM:-3.4.3}
LAB_CLOUD=${LAB_CLOUD:-my-k8s}
LAB_CONTROLLER=${LAB_CONTROLLER:-uk8sx}
LAB_MODEL=${LAB_MODEL:-kubeflow}
LAB_CHARM=${LAB_CHARM:-kubeflow}
LAB_CHARM_CHANNEL=${LAB_CHARM_CHANNEL:-1.8/stable}
LAB_PUBLIC_URL=${LAB_PUBLIC_URL-http://dex-auth.kubeflow.svc:5556}
LAB_LOGIN_APPS=${LAB_LOGIN_APPS-dex-auth oidc-gatekeeper}
LAB_APP_CONFIG=${LAB_APP_CONFIG:-}
LAB_LOGIN_USERNAME=${LAB_LOGIN_USERNAME:-admin}
LAB_INOTIFY_INSTANCES=${LAB_INOTIFY_INSTANCES:-1280}
LAB_INOTIFY_WATCHES=${LAB_INOTIFY_WATCHES:-655360}
LAB_KUBEFLOW_TIMEOUT=${LAB_KUBEFLOW_TIMEOUT:-3600}
LAB_PROXY_HTTP=${LAB_PROXY_HTTP:-}
LAB_PROXY_HTTPS=${LAB_PROXY_HTTPS:-}
LAB_PROXY_APT=${LAB_PROXY_APT:-}
LAB_NO_PROXY=${LAB_NO_PROXY:-}
LAB_APT_MIRROR=${LAB_APT_MIRROR:-}
LAB_APT_MIRROR_SECURITY=${LAB_APT_MIRROR_SECURITY:-}
# Seconds between two looks at something that is being waited for, and before a second attempt.
LAB_POLL=${LAB_POLL:-3}
LAB_RETRY_DELAY=${LAB_RETRY_DELAY:-15}

# /snap/bin is on no PATH but a login shell's, and sudo's secure_path lacks it too: full paths.
SNAP=${LAB_SNAP:-/usr/bin/snap}
MICROK8S=${LAB_MICROK8S:-/snap/bin/microk8s}
JUJU=${LAB_JUJU:-/snap/bin/juju}
# Before the paths of the system; only the unit tests set it.
ROOT=${LAB_ROOT:-}

BUNDLE=$ROOT/run/kubeflow-lab/bundle
STATE=$LAB_HOME/state
CREDENTIALS=$LAB_HOME/credentials
KUBECONFIG_FILE=$HOME/.kube/config
JUJU_DATA=$HOME/.local/share/juju
MICROK8S_GROUP=microk8s
DELEGATE_DROP_IN=$ROOT/etc/systemd/system/snap.microk8s.daemon-kubelite.service.d/delegate.conf
SYSCTL_FILE=$ROOT/etc/sysctl.d/99-kubeflow.conf

# The machine's own network is not a part of what the purge takes back, and neither are the notes of it.
NETWORK_NOTES=$LAB_HOME/network
PROXY_FILE=$NETWORK_NOTES/proxy.env # from step 05
if [ -r "$PROXY_FILE" ]; then
  set -a
  # shellcheck source=/dev/null
  . "$PROXY_FILE"
  set +a
fi

readonly TEMPFAIL=75 # EX_TEMPFAIL of sysexits.h: another try may help

# --- telling ----------------------------------------------------------------------------------
progress() { printf '::progress %s\n' "$*"; } # "3/5 text"
waiting() { printf '::waiting %s\n' "$*"; }
note() { printf '%s\n' "$*"; }

# die MESSAGE [HINT]: give up for good.
die() {
  printf '::error %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf '::hint %s\n' "$2" >&2
  exit 1
}

# try_later MESSAGE [HINT]: give up this time.
try_later() {
  printf '::error %s\n' "$1" >&2
  printf '::hint %s\n' "${2:-It often passes: run the same command again.}" >&2
  exit "$TEMPFAIL"
}

# --- waiting ----------------------------------------------------------------------------------
# limited SECONDS COMMAND...: its standard input is closed (nothing here may ask a question), and at
# the deadline its whole process group ends. Not for functions, not for sudo: a user cannot end root's
# processes, so it is `sudo timeout`, never `timeout sudo`.
limited() {
  local seconds=$1
  shift
  timeout --kill-after=10 "$seconds" "$@" </dev/null
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
  local end=$((SECONDS + $1)) what=$2 told=
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    [ -n "$told" ] || waiting "$what"
    told=yes
    sleep "$LAB_POLL"
  done
}

# --- looking ----------------------------------------------------------------------------------
# shared NAME COMMAND...: what the command says. Checks that are made together (look.sh) ask the same question
# once: LAB_ANSWERS is a directory that lives as long as they do. Anywhere else the command is simply run.
shared() {
  local name=$1
  shift
  if [ -z "${LAB_ANSWERS:-}" ]; then
    "$@"
    return
  fi
  local answer=$LAB_ANSWERS/$name rc=0
  [ -s "$answer.rc" ] || (
    flock 8
    [ -s "$answer.rc" ] || {
      "$@" >"$answer" || rc=$?
      echo "$rc" >"$answer.rc"
    }
  ) 8>"$answer.lock"
  printf '%s\n' "$(<"$answer")"
  return "$(<"$answer.rc")"
}
looking() { [ -n "${LAB_ANSWERS:-}" ]; }

# --- words ------------------------------------------------------------------------------------
# header SCRIPT KEY: the values of one key of a step's header.
header() {
  sed -n -e '1d' -e '/^#/!q' -e "s/^# $2: *//p" "$1"
}

# has_word LIST WORD
has_word() {
  case " $1 " in *" $2 "*) return 0 ;; *) return 1 ;; esac
}

# at_least VERSION MINIMUM: compares the numbers; "3.4.6-genericlinux-amd64" counts as 3.4.6.
at_least() {
  local version=${1#v}
  version=${version%%[!0-9.]*}
  [ -n "$version" ] && [ "$(printf '%s\n%s\n' "$2" "$version" | sort -V | head -n 1)" = "$2" ]
}

# The login user's name; $USER may be unset in a session without a login shell.
login() { id -un; }

# quoted WORD...: one line that a POSIX shell reads as these words.
quoted() {
  local word
  for word in "$@"; do
    printf "'%s' " "${word//\'/\'\\\'\'}"
  done
}

# remember NAME VALUE, recall NAME: small facts that must survive a lost connection.
remember() {
  mkdir -p "$STATE"
  printf '%s\n' "$2" >"$STATE/$1.new"
  mv "$STATE/$1.new" "$STATE/$1"
}
forget() { rm -f "$STATE/$1"; }
recall() { cat "$STATE/$1" 2>/dev/null || true; }

# --- snapd ------------------------------------------------------------------------------------
snap_list() { shared snaps "$SNAP" list --color=never --unicode=never 2>/dev/null </dev/null; }

# snap_field NAME FIELD: 2 version, 4 tracking channel, 6 notes; nothing if it is not installed.
snap_field() {
  snap_list | awk -v name="$1" -v field="$2" '$1 == name { print $field }'
}

# snap_state NAME CHANNEL -> absent, disabled, broken, other-channel or ok. A snap from a file tracks
# no channel, and a branch's name may be cut off, so both are taken as they are.
snap_state() {
  local line tracking notes
  line=$(snap_list | awk -v name="$1" '$1 == name { print $4, $6 }') || true
  read -r tracking notes <<<"$line" || true
  if [ -z "$tracking" ]; then
    echo absent
  elif [[ ,$notes, == *,broken,* ]]; then
    echo broken
  elif [[ ,$notes, == *,disabled,* ]]; then
    echo disabled
  elif [ "$LAB_SNAP_SOURCE" = store ] && [ "$tracking" != "$2" ]; then
    echo other-channel
  else
    echo ok
  fi
}

# Changes that snapd is working on. The registration of the device goes on for ever without a network.
snapd_changes() {
  "$SNAP" changes 2>/dev/null </dev/null |
    awk '$2 ~ /^(Do|Doing|Undo|Undoing|Abort)$/ && !/Initialize device/ { print $1 }'
}
snapd_idle() { [ -z "$(snapd_changes)" ]; }

# wait_snapd SECONDS: a change in progress (an install whose client was killed, an automatic refresh, a
# restart of a service) makes every other operation on the same snap fail.
wait_snapd() {
  wait_for "$1" "snapd to finish what it is doing" snapd_idle ||
    try_later "snapd has been busy for more than $1 s" "See 'snap changes'; 'snap abort ID' stops one."
}

# snap_do SECONDS ARGS...: one snap operation as root. It ends the step unless it succeeds: exit code 10
# is snapd's "conflict, try again", and a network fault passes too.
snap_do() {
  local seconds=$1 log rc=0
  shift
  note "+ snap $*"
  log=$(mktemp)
  # shellcheck disable=SC2024 # the file is the user's, on purpose
  sudo timeout --kill-after=10 "$seconds" "$SNAP" "$@" </dev/null >"$log" 2>&1 || rc=$?
  local said
  said=$(cat "$log")
  rm -f "$log"
  printf '%s\n' "$said"
  case $rc in
    0) return ;;
    124 | 137) try_later "'snap $*' did not end within $seconds s" "See 'snap changes'." ;;
    10) try_later "'snap $*' met another change of the same snap" "See 'snap changes'." ;;
  esac
  local reason
  reason=$(grep -E '^(error|- )' <<<"$said" | paste -s -d ' ' || true)
  if grep -Eqi "$SNAP_PASSING" <<<"$said"; then
    try_later "'snap $*' failed: ${reason:-$said}" "If it stays so: can the guest reach the store? See 'snap changes'."
  fi
  die "'snap $*' failed: ${reason:-$said}" "See 'snap changes' and 'snap tasks --last=$1'."
}
readonly SNAP_PASSING='unable to contact snap store|cannot communicate with server|change in progress|too early for operation|connection (refused|reset)|i/o timeout|TLS handshake|Client\.Timeout|context deadline|no such host|lookup .* on |network is unreachable|unexpected EOF|too many requests|5[0-9][0-9] (Internal|Bad|Service|Gateway)|status code 5[0-9][0-9]'

# install_snap NAME CHANNEL: the snap is there, enabled, and tracks the channel. `snap install` alone
# cannot do that: on an installed snap it ends with 0 and changes neither channel nor state.
install_snap() {
  local name=$1 channel=$2 classic=()
  ! has_word "$LAB_CLASSIC_SNAPS" "$name" || classic=(--classic)
  wait_snapd 300
  case $(snap_state "$name" "$channel") in
    ok) return ;;
    disabled)
      snap_do 300 enable "$name"
      [ "$(snap_state "$name" "$channel")" = other-channel ] || return 0
      snap_do 1800 refresh "$name" "--channel=$channel" "${classic[@]}"
      ;;
    other-channel) snap_do 1800 refresh "$name" "--channel=$channel" "${classic[@]}" ;;
    broken)
      snap_do 900 remove --purge "$name"
      # From the start, since the removal took with it what had been prepared for the snap.
      try_later "The snap $name was broken and had to be removed"
      ;;
    *) install_absent_snap "$name" "$channel" "${classic[@]}" ;;
  esac
  wait_snapd 300
  [ "$(snap_state "$name" "$channel")" = ok ] ||
    die "snap $name is not as it should be after its installation: $(snap_state "$name" "$channel")" "See 'snap list' and 'snap changes'."
}

install_absent_snap() {
  local name=$1 channel=$2
  shift 2
  waiting "the snap $name to be installed"
  if [ "$LAB_SNAP_SOURCE" = store ]; then
    snap_do 1800 install "$name" "--channel=$channel" "$@"
    return
  fi
  mount_bundle
  local file=$BUNDLE/snaps/$name.snap
  [ -f "$file" ] || die "The bundle has no snap $name ($file)" "Build the bundle again."
  # With its assertions a snap keeps its identity; without, snapd must be told to trust the file.
  if [ -f "${file%.snap}.assert" ] || [ -f "$file.assert" ]; then
    local assertions=${file%.snap}.assert
    [ -f "$assertions" ] || assertions=$file.assert
    snap_do 60 ack "$assertions"
    snap_do 1800 install "$file" "$@"
  else
    snap_do 1800 install --dangerous "$file" "$@"
  fi
}

# mount_bundle: the offline bundle is a disk with a label.
mount_bundle() {
  ! mountpoint -q "$BUNDLE" || return 0
  local device
  device=$(sudo blkid -L LAB_BUNDLE) ||
    die "No disk with the label LAB_BUNDLE is attached" "An offline edition needs its bundle: build it, then 'vagrant reload'."
  sudo mkdir -p "$BUNDLE"
  sudo mount -o ro "$device" "$BUNDLE"
}

# --- MicroK8s ---------------------------------------------------------------------------------
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

# --- Juju -------------------------------------------------------------------------------------
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

# overview LINE: of the lines that tell how the model is, the rest of the one that begins with this word.
overview() {
  local lines
  lines=$(shared overview ask_overview) || return 1
  sed -n "s/^$1 //p" <<<"$lines"
}
ask_overview() { juju 60 status --model "$MODEL" --format json 2>/dev/null | facts overview; }
CONTROLLER_NAMESPACE=controller-$LAB_CONTROLLER

# --- running a step ---------------------------------------------------------------------------
# Two runs at a time would trip over each other: a connection that broke may have left one behind.
one_at_a_time() {
  mkdir -p "$LAB_HOME"
  exec 9>"$LAB_HOME/lock"
  flock -n 9 && return
  waiting "another run of these scripts to end"
  flock -w "${LAB_LOCK_TIMEOUT:-300}" 9 || try_later "Another run of these scripts is still at work" "See 'ps -ef | grep provision/'."
}

# phase NAME: in its own shell, so that `exit` and `set -e` end the phase, not the dispatcher. (It must not
# be called where bash ignores `set -e`: after `if`, before `||`.)
phase() {
  case $1 in
    check) (
      set -e
      check
    ) ;;
    apply) (
      set -e
      apply
    ) ;;
    ready) (
      set -e
      ! declare -F ready >/dev/null || ready
    ) ;;
  esac
}

run_step() {
  local rc=1 attempt=1 tries
  tries=$(($(header "$0" retries) + 1))
  if [ -z "${LAB_CHECKED:-}" ]; then # run.sh has asked already
    phase check
    rc=$?
  fi
  while [ "$rc" -ne 0 ]; do
    phase apply
    rc=$?
    if [ "$rc" -eq 0 ]; then
      phase ready
      rc=$?
    fi
    [ "$rc" -eq "$TEMPFAIL" ] && [ "$attempt" -lt "$tries" ] || return "$rc"
    attempt=$((attempt + 1))
    waiting "attempt $attempt of $tries"
    sleep "$LAB_RETRY_DELAY"
  done
}

not_root() {
  [ "$EUID" -ne 0 ] || [ -n "$ROOT" ] || die "Run this as the login user, not as root" "It uses sudo itself where it must."
}

dispatch() {
  not_root
  set +e
  local rc
  case ${1:-} in
    check)
      phase check
      rc=$?
      [ "$rc" -eq 0 ] || rc=1
      ;;
    apply | ready)
      one_at_a_time
      phase "$1"
      rc=$?
      ;;
    run)
      one_at_a_time
      run_step
      rc=$?
      ;;
    *)
      echo "usage: $0 check|apply|ready|run" >&2
      rc=64
      ;;
  esac
  exit "$rc"
}

# check_or_apply ACTION: the last line of a script that is no step (purge.sh, heal.sh).
check_or_apply() {
  case ${1:-} in
    check) check ;;
    apply)
      not_root
      one_at_a_time
      apply
      ;;
    *)
      echo "usage: $0 apply|check" >&2
      exit 64
      ;;
  esac
}
