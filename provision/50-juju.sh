#!/usr/bin/env bash
# title: Install Juju
# why: Juju deploys Kubeflow and keeps it running. Its snap is strictly confined, so it needs its data
#   directory and the interfaces that let it read the kubeconfig.
# documented: sudo snap install juju --classic --channel=3.4/stable
# documented: mkdir -p ~/.local/share/juju
# layer: juju
# timeout: 1800
# retries: 3

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# MySQL's charm refuses an older Juju, hours later.
new_enough() { at_least "$(snap_field juju 2)" "$LAB_JUJU_MINIMUM"; }

check() {
  [ -d "$JUJU_DATA" ] && [ "$(snap_state juju "$LAB_JUJU_CHANNEL")" = ok ] && new_enough && [ -z "$(unconnected)" ]
}

# Interfaces the snap has and that are connected to nothing: a snap from a file without its assertions
# gets no automatic connection for some of them.
unconnected() {
  "$SNAP" connections juju 2>/dev/null </dev/null |
    awk '$2 ~ /^juju:(dot-local-share-juju|dot-kubernetes|home|network|network-bind)$/ && $3 == "-" { print $2 }'
}

apply() {
  # Before any call of juju, which cannot create it from within its confinement.
  mkdir -p "$JUJU_DATA"
  # Without --classic, unless the settings say so: the snap from the store is strict, and a flag that does
  # not fit is a warning today and may be an error tomorrow.
  install_snap juju "$LAB_JUJU_CHANNEL"
  local plug
  for plug in $(unconnected); do
    snap_do 60 connect "$plug"
  done
  new_enough || die "Juju $(snap_field juju 2) is older than $LAB_JUJU_MINIMUM" "Choose another channel: LAB_JUJU_CHANNEL"
}

ready() {
  local version
  version=$(juju 60 version) || try_later "juju does not start" "Try '/snap/bin/juju version' in the guest."
  note "juju $version"
}

dispatch "$@"
