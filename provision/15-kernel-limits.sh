#!/usr/bin/env bash
# title: Raise the kernel's inotify limits
# why: Kubeflow's controllers watch many files; with Debian's limits some crash with "too many open
#   files". The values go into a file, so that a reboot keeps them, and before anything is deployed.
# documented: sudo sysctl fs.inotify.max_user_instances=1280
# documented: sudo sysctl fs.inotify.max_user_watches=655360
# layer: vm
# timeout: 60
# retries: 0

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

wanted() {
  printf 'fs.inotify.max_user_instances = %s\nfs.inotify.max_user_watches = %s\n' \
    "$LAB_INOTIFY_INSTANCES" "$LAB_INOTIFY_WATCHES"
}

in_force() { cat "$ROOT/proc/sys/fs/inotify/$1"; }

check() {
  [ -f "$SYSCTL_FILE" ] && [ "$(cat "$SYSCTL_FILE")" = "$(wanted)" ] || return 1
  [ "$(in_force max_user_instances)" -ge "$LAB_INOTIFY_INSTANCES" ] &&
    [ "$(in_force max_user_watches)" -ge "$LAB_INOTIFY_WATCHES" ]
}

apply() {
  # What was there before, for the way back.
  [ -n "$(recall sysctl)" ] || remember sysctl "$(in_force max_user_instances) $(in_force max_user_watches)"
  # `sudo sysctl KEY=VALUE` alone is lost at the next boot.
  wanted | sudo tee "$SYSCTL_FILE" >/dev/null
  sudo sysctl --load "$SYSCTL_FILE"
}

dispatch "$@"
