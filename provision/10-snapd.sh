#!/usr/bin/env bash
# title: Install snapd
# why: MicroK8s and Juju are delivered as snaps. The package is installed only if it is missing, its
#   first start is awaited, and automatic refreshes are put off so that none breaks in later.
# documented: sudo apt install snapd
# layer: vm
# timeout: 1500
# retries: 4

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=network.sh
. "$PROVISION_DIR/network.sh"

# shellcheck disable=SC2317 # called by wait_for
seeded() { sudo timeout 20 "$SNAP" wait system seed.loaded </dev/null; }

# The snaps that others are built on: an offline edition brings what it needs or has them in its box.
base_snaps() {
  local name
  for name in snapd core20; do
    [ "$LAB_SNAP_SOURCE" = bundle ] && [ ! -f "$BUNDLE/snaps/$name.snap" ] || echo "$name"
  done
}

installed() { snap_list | awk 'NR > 1 { print $1 }' | paste -s -d ' '; }

refreshes_held() {
  local hold
  hold=$(sudo "$SNAP" get system refresh.hold 2>/dev/null </dev/null) && long "$hold"
}
long() { [ "$1" = forever ] || [ "$(date --date="$1" +%s)" -gt $(($(date +%s) + 86400)) ]; }

# Both settings in one question (-l: as a list, whatever the version); of a snapd that is not seeded yet the first is missing, which is an error.
check() {
  [ -x "$SNAP" ] || return 1
  local settings have name
  settings=$(sudo timeout 20 "$SNAP" get -l system seed.loaded refresh.hold 2>/dev/null </dev/null) || return 1
  [ "$(awk '$1 == "seed.loaded" { print $2 }' <<<"$settings")" = true ] || return 1
  have=$(installed)
  for name in $(base_snaps); do
    has_word "$have" "$name" || return 1
  done
  long "$(awk '$1 == "refresh.hold" { print $2 }' <<<"$settings")" && about_snapd check
}

apply() {
  if [ ! -x "$SNAP" ]; then
    # `sudo apt install snapd` asks a question, and fails at once while another apt holds the lock (a
    # fresh VM often runs one): apt-get, -y, no dialogues, wait for the lock.
    local apt=(sudo env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300)
    waiting "apt to install snapd"
    "${apt[@]}" update </dev/null || try_later "'apt-get update' failed" "Can the guest reach its Debian mirror?"
    "${apt[@]}" install snapd </dev/null || try_later "'apt-get install snapd' failed" "Can the guest reach its Debian mirror?"
  fi

  # snapd accepts nothing before it is seeded, and `snap wait` knows no deadline of its own.
  wait_for 300 "snapd to be seeded" seeded || try_later "snapd was not ready within 300 s" "See 'systemctl status snapd snapd.seeded'."
  [ "$LAB_SNAP_SOURCE" = store ] || mount_bundle
  # Before it downloads anything.
  about_snapd apply || try_later "snapd did not take the proxies or the certificate authorities" "See 'snap changes'."

  # An automatic refresh restarts what it refreshes and blocks every other change meanwhile. snapd 2.58
  # and later can put it off for ever, Debian's own 2.57 for 95 days.
  if ! refreshes_held; then
    local hold=forever
    at_least "$("$SNAP" version </dev/null | awk '$1 == "snapd" { print $2 }')" 2.58 || hold=$(date --date='+90 days' +%Y-%m-%dT%H:%M:%S%:z)
    snap_do 120 set system "refresh.hold=$hold"
  fi
  wait_snapd 600

  # First, one by one: MicroK8s would install them itself, but when that fails, it fails as a whole. The
  # snapd snap replaces the running snapd, which is away for a moment.
  local name
  for name in $(base_snaps); do
    if ! has_word "$(installed)" "$name"; then
      install_absent_snap "$name" stable
      wait_for 120 "snapd to be back" "$SNAP" version >/dev/null 2>&1 || try_later "snapd did not come back"
    fi
  done
}

ready() {
  wait_snapd 600
  # In force again once the snapd snap has taken over, whose answer may differ.
  refreshes_held || try_later "Automatic refreshes are not put off"
}

dispatch "$@"
