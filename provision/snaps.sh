#!/usr/bin/env bash
# Snaps: what is installed, and how one is installed so that it is as it should be. Sourced by lib.sh.

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
