#!/usr/bin/env bash
# title: Install MicroK8s
# why: The Kubernetes that everything else runs on. On Debian 12 kubelet may use all cgroup controllers
#   only if its unit delegates them, so that is arranged before the snap brings the unit.
# documented: sudo snap install microk8s --classic --channel=1.29/stable
# documented: microk8s status
# layer: microk8s
# timeout: 2700
# retries: 3

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Quick: the node's own word instead of `microk8s status`, which may take a minute.
check() {
  [ -s "$DELEGATE_DROP_IN" ] && [ "$(snap_state microk8s "$LAB_MICROK8S_CHANNEL")" = ok ] && node_ready
}

apply() {
  # Kubernetes wants a host name in lower case without underscores, or the node cannot register.
  local name
  name=$(hostname)
  [[ $name =~ ^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$ ]] ||
    die "The host name '$name' is not one that Kubernetes accepts" "Use lower case letters, digits and '-': sudo hostnamectl set-hostname NAME"

  # Neither the API server nor the kubelet starts without one, and they do not say so in the foreground.
  [ -n "$(ip route show default)" ] ||
    die "The guest has no default route, without which Kubernetes does not start" "Any will do, also one that leads nowhere: see 'ip route'."

  # Without this kubelet ends with "root container [kubepods] doesn't exist", and the snap repairs
  # itself by another restart minutes later. Removing the snap removes it, so it is written each time.
  sudo mkdir -p "$(dirname "$DELEGATE_DROP_IN")"
  printf '[Service]\nDelegate=yes\n' | sudo tee "$DELEGATE_DROP_IN" >/dev/null
  sudo systemctl daemon-reload

  # `snap install` of an installed snap ends with 0 whatever its channel and state.
  install_snap microk8s "$LAB_MICROK8S_CHANNEL"
}

running() { microk8s_running 60; }

# `microk8s status` says at once what is; and a stopped MicroK8s says so with exit code 0.
ready() {
  waiting "MicroK8s to be ready"
  local end=$((SECONDS + 900))
  until running; do
    if [ "$SECONDS" -ge "$end" ]; then
      "$SNAP" services microk8s || true
      sudo journalctl --no-pager -n 60 -u 'snap.microk8s.*' || true
      try_later "MicroK8s was not ready within 15 min" "'sudo microk8s inspect' says which service fails."
    fi
    # Stopped on purpose once, it stays so.
    if [[ $(microk8s 60 status --timeout 1 2>/dev/null) == *"microk8s start"* ]]; then
      waiting "MicroK8s to start"
      sudo timeout --kill-after=10 300 "$MICROK8S" start </dev/null || true
    fi
    sleep "$LAB_POLL"
  done
  # The snap may still be restarting services, which would block the next operation.
  wait_snapd 300
}

dispatch "$@"
