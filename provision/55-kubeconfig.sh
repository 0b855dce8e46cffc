#!/usr/bin/env bash
# title: Write the kubeconfig
# why: Juju and kubectl find the cluster through ~/.kube/config, the default path, so that no session
#   depends on an exported variable. It holds the administrator's key: only its owner may read it.
# documented: microk8s config > ~/.kube/config
# documented: export KUBECONFIG=~/.kube/config
# layer: microk8s
# timeout: 120
# retries: 2

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# The address in it is the guest's; with another lease or another cluster it is out of date.
current() {
  local config
  config=$(microk8s 30 config 2>/dev/null) || return 1
  # A guest without a default route has no address to offer but its own.
  ! grep -q 'server: https://none:' <<<"$config" || config=$(microk8s 30 config --use-loopback) || return 1
  grep -q 'server:' <<<"$config" && echo "$config"
}

check() {
  local config
  config=$(current) && [ -f "$KUBECONFIG_FILE" ] &&
    [ "$(stat -c %a "$KUBECONFIG_FILE")" = 600 ] && [ "$(cat "$KUBECONFIG_FILE")" = "$config" ]
}

apply() {
  local config
  config=$(current) || try_later "'microk8s config' gives no configuration"
  umask 077
  mkdir -p "$HOME/.kube"
  # Whole or not at all: a redirection would leave half a file when the connection breaks.
  printf '%s\n' "$config" >"$KUBECONFIG_FILE.new"
  mv "$KUBECONFIG_FILE.new" "$KUBECONFIG_FILE"
}

dispatch "$@"
