#!/usr/bin/env bash
# The network as the settings describe it, for the steps that tell somebody of it: proxies, certificate
# authorities, Debian's mirror. Sourced after lib.sh.
# A proxy's address may hold a password. It goes into files and to standard input, never into an argument, and files
# that hold one are root's alone wherever their readers allow it.
# shellcheck disable=SC2034 # set for the steps

readonly BLOCK_BEGIN='# kubeflow-lab: begin (changes down to the end are lost)'
readonly BLOCK_END='# kubeflow-lab: end'
CA_FILE=$LAB_HOME/ca-certificates.pem
proxied() { [ -n "$LAB_PROXY_HTTP$LAB_PROXY_HTTPS" ]; }

has_password() { [[ $LAB_PROXY_HTTP$LAB_PROXY_HTTPS$LAB_PROXY_APT == *@* ]]; }

# no_proxy: what is reached without a proxy: the cluster, which no proxy could reach, and what the settings say. Go's
# programs take networks, but no ranges.
no_proxy() {
  local address
  address=$(ip -4 route get 1.0.0.0 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
  python3 -I -S - "$LAB_METALLB_RANGE" "$address" "$(hostname)" "$LAB_NO_PROXY" <<'PYTHON'
import ipaddress, sys

pool, address, name, more = sys.argv[1:]
words = ["localhost", "127.0.0.1", "::1", ".svc", ".cluster.local"]
words += ["10.1.0.0/16", "10.152.183.0/24"]  # MicroK8s' pods and services
for part in pool.replace(" ", "").split(","):
    first, dash, last = part.partition("-")
    if dash:
        ends = ipaddress.IPv4Address(first), ipaddress.IPv4Address(last)
        words += map(str, ipaddress.summarize_address_range(*ends))
    else:
        words.append(part)
words += [address, name, *more.split(",")]
print(",".join(dict.fromkeys(filter(None, words))))
PYTHON
}

# proxy_variables: NAME=VALUE lines, in both cases, since programs differ in which they read.
proxy_variables() {
  proxied || return 0
  local except
  except=$(no_proxy)
  [ -z "$LAB_PROXY_HTTP" ] || printf '%s=%s\n' HTTP_PROXY "$LAB_PROXY_HTTP" http_proxy "$LAB_PROXY_HTTP"
  [ -z "$LAB_PROXY_HTTPS" ] || printf '%s=%s\n' HTTPS_PROXY "$LAB_PROXY_HTTPS" https_proxy "$LAB_PROXY_HTTPS"
  printf '%s=%s\n' NO_PROXY "$except" no_proxy "$except"
}

# in_quotes: the same lines for a file that a shell reads. (No value has a quote in it.)
in_quotes() { sed -n "s/^\([A-Za-z_]*\)=\(.*\)/\1='\2'/p"; }

# contents FILE: also of one that is root's alone.
contents() {
  if [ -r "$1" ]; then cat "$1"; else sudo cat "$1" 2>/dev/null || true; fi
}

# block FILE: the lines of ours in a file of somebody else's.
block() { contents "$1" | sed -n "/^$BLOCK_BEGIN\$/,/^$BLOCK_END\$/p" | sed '1d;$d'; }

# put_block FILE MODE: has the lines on standard input in the file as ours, in place of those that were there.
put_block() {
  local lines rest
  lines=$(cat)
  rest=$(contents "$1" | sed "/^$BLOCK_BEGIN\$/,/^$BLOCK_END\$/d")
  {
    [ -z "$rest" ] || printf '%s\n' "$rest"
    [ -z "$lines" ] || printf '%s\n' "$BLOCK_BEGIN" "$lines" "$BLOCK_END"
  } | put_file "$1" "$2"
}

# put_file FILE MODE: replaces root's file by standard input as a whole; the owner stays.
put_file() {
  # shellcheck disable=SC2016 # for the other shell
  sudo sh -c 'set -e
    umask 077
    cat >"$1.new"
    ! [ -e "$1" ] || chown --reference="$1" "$1.new"
    chmod "$2" "$1.new"
    mv "$1.new" "$1"' sh "$1" "$2"
}

# --- certificate authorities ------------------------------------------------------------------
# split_authorities DIRECTORY: one file for each certificate of the settings, named by its sum.
split_authorities() {
  local part
  awk -v directory="$1" '/-----BEGIN CERTIFICATE-----/ { number++ }
    number { print >(directory "/" number ".part") }' "$CA_FILE" 2>/dev/null || true
  for part in "$1"/*.part; do
    [ ! -e "$part" ] || mv "$part" "$1/kubeflow-lab-$(sha256sum <"$part" | cut -c 1-12).crt"
  done
}

# --- snapd --------------------------------------------------------------------------------------
SNAPD_CONF=${LAB_SNAPD_CONF:-/usr/bin/python3 -I -S $PROVISION_DIR/snapd_conf.py}
# There is something to take back from snapd.
SNAPD_TOLD=$NETWORK_NOTES/snapd

# about_snapd check|apply: has it the proxies and the authorities; give it these.
about_snapd() {
  local authorities options
  if ! proxied && [ ! -s "$CA_FILE" ] && [ ! -e "$SNAPD_TOLD" ]; then return; fi
  authorities=$(mktemp -d)
  split_authorities "$authorities"
  options=$(python3 -I -S "$PROVISION_DIR/snapd_conf.py" wanted "$authorities")
  rm -rf "$authorities"
  # shellcheck disable=SC2086 # a command with its arguments
  sudo timeout --kill-after=10 150 $SNAPD_CONF "$1" "$ROOT/run/snapd.socket" <<<"$options" || return
  [ "$1" = apply ] || return 0
  if [ "$options" = "{}" ]; then rm -f "$SNAPD_TOLD"; else touch "$SNAPD_TOLD"; fi
}

# --- containerd -------------------------------------------------------------------------------
# It reads its proxies and the certificate authorities when it starts, and only then. What changed these asks for
# the restart, and step 22 carries it out, also in a later run.
ask_for_restart() { [ ! -e "$ROOT/var/snap/microk8s/current" ] || remember containerd-restart yes; }

# --- Juju ---------------------------------------------------------------------------------------
# Charms get the proxies in variables of their own (JUJU_CHARM_HTTP_PROXY, ...) and use them or not; what a charm
# runs does not get them, since pods reach each other more often than the world.
readonly JUJU_KEYS=juju-http-proxy,juju-https-proxy,juju-no-proxy

# juju_proxies: the lines of a file with a model's settings.
juju_proxies() {
  printf '%s: "%s"\n' juju-http-proxy "${HTTP_PROXY:-}" juju-https-proxy "${HTTPS_PROXY:-}" juju-no-proxy "${NO_PROXY:-}"
}

# with_proxy_file COMMAND...: runs it with the name of that file as its last argument. Juju's confinement lets it
# read below its own directory.
with_proxy_file() {
  local file=$JUJU_DATA/kubeflow-lab-proxy.yaml rc=0
  (umask 077 && juju_proxies >"$file")
  "$@" "$file" || rc=$?
  rm -f "$file"
  return "$rc"
}

# juju_told NAME: has the model the proxies of the settings?
juju_told() {
  local answer
  if ! proxied; then
    [ -z "$(recall "juju-proxy-$1")" ]
    return
  fi
  answer=$(juju 60 model-config --model "$LAB_CONTROLLER:$1" --format json 2>/dev/null) &&
    [ "$(facts settings "$JUJU_KEYS" <<<"$answer")" = "$(juju_proxies)" ]
}

# tell_juju NAME: gives them to the model, or takes them away.
tell_juju() {
  ! juju_told "$1" || return 0
  if proxied; then
    remember "juju-proxy-$1" yes
    with_proxy_file juju 60 model-config --model "$LAB_CONTROLLER:$1" --file
  else
    juju 60 model-config --model "$LAB_CONTROLLER:$1" --reset "$JUJU_KEYS" && forget "juju-proxy-$1"
  fi || try_later "Juju did not take the proxies of the model $1" "See 'juju model-config --model $LAB_CONTROLLER:$1'."
}
