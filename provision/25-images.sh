#!/usr/bin/env bash
# title: Load the container images of the bundle
# why: An offline edition cannot pull. Each archive of the bundle is imported, and what is there
#   afterwards is compared with what the bundle promises, because a failed import ends with 0, and one
#   that was cut short leaves images that no container can be made of in time.
# documented: microk8s images import FILE
# layer: microk8s
# timeout: 1800
# retries: 2

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# The full names of the images in an archive (or in all), as containerd has them.
promised() {
  python3 -I - "$BUNDLE/manifest.json" "${1:-}" <<'PYTHON'
import json, sys

def full(ref):
    first, slash, _ = ref.partition("/")
    if not slash:
        return "docker.io/library/" + ref
    return ref if "." in first or ":" in first or first == "localhost" else "docker.io/" + ref

with open(sys.argv[1]) as manifest:
    for image in json.load(manifest).get("images", []):
        if sys.argv[2] in ("", image["file"]):
            print("\n".join(full(ref) for ref in image["refs"]))
PYTHON
}

# present FILE: are all images that this list names in containerd?
present() {
  local have
  have=$(microk8s 60 ctr images ls -q 2>/dev/null) && ! grep -Fvxq -f <(echo "$have") "$1"
}

# usable FILE: are they unpacked, too? An import first gives all images their names and unpacks them then. Of what is
# not unpacked each container would begin to unpack it, and give up after two minutes.
usable() {
  local have
  have=$(microk8s 300 ctr images check 2>/dev/null | awk '$NF == "true" && / complete / { print $1 }') &&
    ! grep -Fvxq -f <(echo "$have") "$1"
}

# By the list of the last complete import: after a reboot the bundle is not mounted, and need not be.
check() {
  [ "$LAB_SNAP_SOURCE" = bundle ] || return 0
  [ -f "$STATE/images" ] && present "$STATE/images"
}

apply() {
  [ "$LAB_SNAP_SOURCE" = bundle ] || return 0
  mount_bundle
  local file name done=0 archives list
  archives=("$BUNDLE"/images/*.tar)
  [ -f "${archives[0]}" ] || archives=()
  list=$(mktemp)
  for file in "${archives[@]}"; do
    name=images/${file##*/}
    progress "$done/${#archives[@]} importing $name"
    promised "$name" >"$list"
    usable "$list" || import "$file" "$list"
    done=$((done + 1))
  done
  rm -f "$list"
  progress "$done/${#archives[@]} all images are there"
  remember images "$(promised)"
}

import() {
  microk8s 600 images import "$1" || true
  # It reads the whole archive into memory and hands it to a service; for a large archive containerd's
  # own client is the way that works.
  usable "$2" || sudo timeout --kill-after=10 600 "$MICROK8S" ctr images import "$1" </dev/null || true
  usable "$2" || try_later "The image archive ${1##*/} was not imported" "Is the disk full? 'df -h /var/snap'"
}

dispatch "$@"
