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

# --- the programs -----------------------------------------------------------------------------
# shellcheck source-path=SCRIPTDIR source=snaps.sh
. "$PROVISION_DIR/snaps.sh"
# shellcheck source-path=SCRIPTDIR source=microk8s.sh
. "$PROVISION_DIR/microk8s.sh"
# shellcheck source-path=SCRIPTDIR source=juju.sh
. "$PROVISION_DIR/juju.sh"

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
