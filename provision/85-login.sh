#!/usr/bin/env bash
# title: Configure the login
# why: Up to Kubeflow 1.8 Dex and the OIDC gatekeeper stay blocked until they know under which address people log
#   in; the documented sequence lacks this. The password is generated, never a well-known one.
# documented: juju config dex-auth public-url=URL static-username=USER static-password=PASSWORD
# documented: juju config oidc-gatekeeper public-url=URL
# layer: kubeflow
# timeout: 1200
# retries: 3

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# public_url: the setting, or, if it is "nip.io", a name that resolves to the gateway's address.
public_url() {
  if [ "$LAB_PUBLIC_URL" != nip.io ]; then
    echo "$LAB_PUBLIC_URL"
    return
  fi
  local address
  address=$(kubectl 15 -n "$LAB_MODEL" get service istio-ingressgateway-workload \
    -o 'jsonpath={.status.loadBalancer.ingress[0].ip}' 2>/dev/null) && [ -n "$address" ] &&
    echo "http://$address.nip.io"
}

# is_set APPLICATION URL
is_set() {
  juju 60 config --model "$MODEL" "$1" --format json 2>/dev/null | facts login-is-set "$1" "$2" "$CREDENTIALS"
}

check() {
  [ -n "$LAB_LOGIN_APPS" ] || return 0
  [ -x "$JUJU" ] && credentials_exist || return 1
  local url application
  url=$(public_url) || return 1
  for application in $LAB_LOGIN_APPS; do
    is_set "$application" "$url" || return 1
  done
}

credentials_exist() {
  [ -f "$CREDENTIALS" ] && [ "$(stat -c %a "$CREDENTIALS")" = 600 ] &&
    grep -q '^username=.' "$CREDENTIALS" && grep -q '^password=.' "$CREDENTIALS"
}

generate_credentials() {
  ! credentials_exist || return 0
  local password
  password=$(python3 -Ic 'import secrets; print(secrets.token_urlsafe(18))')
  (
    umask 077
    printf 'username=%s\npassword=%s\n' "$LAB_LOGIN_USERNAME" "$password" >"$CREDENTIALS.new"
  )
  mv "$CREDENTIALS.new" "$CREDENTIALS"
}

apply() {
  [ -n "$LAB_LOGIN_APPS" ] || return 0
  generate_credentials
  wait_for 900 "an address for the gateway" public_url >/dev/null ||
    try_later "The service istio-ingressgateway-workload got no address" "Is the addon metallb enabled? 'microk8s kubectl -n $LAB_MODEL get services'"
  local url application
  url=$(public_url)
  for application in $LAB_LOGIN_APPS; do
    is_set "$application" "$url" || configure "$application" "$url"
  done
}

# As a file: arguments of a command are for everybody's eyes. Juju's confinement lets it read this place.
configure() (
  config=$(juju 60 config --model "$MODEL" "$1" --format json) ||
    try_later "'juju config $1' failed" "Is the application deployed? See 'juju status'."
  umask 077
  mkdir -p "$HOME/snap/juju/common"
  rm -f "$HOME"/snap/juju/common/login.?????? # of an attempt that was killed
  file=$(mktemp "$HOME/snap/juju/common/login.XXXXXX")
  trap 'rm -f "$file"' EXIT
  facts login-file "$1" "$2" "$CREDENTIALS" <<<"$config" >"$file"
  note "+ juju config $1 --file ..."
  remember settling yes
  # All options of an application at once: one alone would run with the others' old values meanwhile. What
  # the file does not name stays as it is.
  juju 60 config --model "$MODEL" "$1" --file "$file" ||
    try_later "'juju config $1' failed" "Is the application deployed? See 'juju status'."
)

dispatch "$@"
