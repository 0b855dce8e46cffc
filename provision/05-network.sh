#!/usr/bin/env bash
# title: Tell the machine of proxies, certificate authorities and the mirror
# why: Schools and companies reach the world through a proxy that may have a certificate authority of its
#   own, and get Debian from a mirror. What the settings say of that, or the host uses, goes to apt, to
#   /etc/environment (logins, and the services of all snaps) and to the trusted authorities, before
#   anything is downloaded. What the settings do not say any more goes away again.
# layer: vm
# timeout: 900
# retries: 2

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=network.sh
. "$PROVISION_DIR/network.sh"

ENVIRONMENT=$ROOT/etc/environment
APT_CONFIGURATION=$ROOT/etc/apt/apt.conf.d/99kubeflow-lab
APT_SOURCES=$ROOT/etc/apt/kubeflow-lab.list
ANCHORS=$ROOT/usr/local/share/ca-certificates/kubeflow-lab
TRUSTED=$ROOT/etc/ssl/certs/ca-certificates.crt

# Most machines need nothing of this; for them a look must take no time.
nothing_wanted() { ! proxied && [ -z "$LAB_PROXY_APT$LAB_APT_MIRROR$LAB_APT_MIRROR_SECURITY" ] && [ ! -s "$CA_FILE" ]; }
nothing_there() {
  [ ! -e "$APT_CONFIGURATION" ] && [ ! -e "$APT_SOURCES" ] && [ ! -e "$ANCHORS" ] && [ ! -e "$PROXY_FILE" ] &&
    [ -z "$(block "$ENVIRONMENT")" ]
}

# --- apt ----------------------------------------------------------------------------------------
# reached_directly HOST: do the settings except it from the proxies?
reached_directly() {
  local word
  for word in ${LAB_NO_PROXY//,/ }; do
    word=${word#\*}
    [[ $1 == "$word" || .$1 == *".${word#.}" ]] && return
  done
  return 1
}

apt_configuration() {
  local http=${LAB_PROXY_APT:-$LAB_PROXY_HTTP} url host
  [ -z "$http" ] || printf 'Acquire::http::Proxy "%s";\n' "$http"
  # Left out, it would be the one for http; and a cache for packages passes nothing else on.
  [ -z "$http$LAB_PROXY_HTTPS" ] || printf 'Acquire::https::Proxy "%s";\n' "${LAB_PROXY_HTTPS:-DIRECT}"
  for url in "$LAB_APT_MIRROR" "$LAB_APT_MIRROR_SECURITY"; do
    host=${url#*://}
    host=${host%%[:/]*}
    if [ -n "$host" ] && reached_directly "$host"; then
      printf 'Acquire::http::Proxy::%s "DIRECT";\nAcquire::https::Proxy::%s "DIRECT";\n' "$host" "$host"
    fi
  done
  # The sources that came with the machine stay as they are: without these lines they count again.
  [ -z "$LAB_APT_MIRROR$LAB_APT_MIRROR_SECURITY" ] ||
    printf 'Dir::Etc::SourceList "%s";\nDir::Etc::SourceParts "/dev/null";\n' "$APT_SOURCES"
}

apt_sources() {
  [ -n "$LAB_APT_MIRROR$LAB_APT_MIRROR_SECURITY" ] || return 0
  local codename suite url
  local key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  codename=$(sed -n 's/^VERSION_CODENAME=//p' "$ROOT/etc/os-release")
  for suite in "$codename" "$codename-updates" "$codename-security"; do
    url=$LAB_APT_MIRROR
    [ "$suite" != "$codename-security" ] || url=$LAB_APT_MIRROR_SECURITY
    [ -n "$url" ] || url=$(own_source "$suite")
    [ -z "$url" ] || printf 'deb %s %s %s main\n' "$key" "$url" "$suite"
  done
}

# own_source SUITE: where the machine gets it from by the sources that it came with. (Each component has a line; all are
# read, since a pipe that is closed early is an error.)
own_source() {
  # shellcheck disable=SC2016 # apt's own variables
  apt-get -o "Dir::Etc::SourceList=$ROOT/etc/apt/sources.list" -o "Dir::Etc::SourceParts=$ROOT/etc/apt/sources.list.d" \
    indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    awk -v suite="$1" '$1 == suite && !found { print $2; found = 1 }'
}

# put_or_remove FILE MODE: the file is what standard input says, or gone if that says nothing.
put_or_remove() {
  local text
  text=$(cat)
  if [ -n "$text" ]; then
    printf '%s\n' "$text" | put_file "$1" "$2"
  else
    sudo rm -f "$1"
  fi
}
is() { [ "$(contents "$1")" = "$2" ]; }

# --- certificate authorities --------------------------------------------------------------------
# authorities_are DIRECTORY: are exactly these known to update-ca-certificates, and has it been run?
authorities_are() {
  local file
  [ -d "$ANCHORS" ] || [ -z "$(ls "$1")" ] || return 1
  [ ! -d "$ANCHORS" ] || diff -rq "$1" "$ANCHORS" >/dev/null || return 1
  for file in "$1"/*.crt; do
    # The line before the last one holds a part of the signature, which no two certificates share.
    [ ! -e "$file" ] || grep -qF -- "$(tail -n 2 "$file" | head -n 1)" "$TRUSTED" || return 1
  done
}

trust() {
  if [ -n "$(ls "$1")" ] && [ ! -x "$ROOT/usr/sbin/update-ca-certificates" ]; then
    waiting "apt to install ca-certificates"
    local apt=(sudo env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300)
    "${apt[@]}" update </dev/null || try_later "'apt-get update' failed" "Can the guest reach its Debian mirror?"
    "${apt[@]}" install ca-certificates </dev/null || try_later "'apt-get install ca-certificates' failed" "Can the guest reach its Debian mirror?"
  fi
  sudo rm -rf "$ANCHORS"
  [ -z "$(ls "$1")" ] || sudo install -D -m 0644 -t "$ANCHORS" "$1"/*.crt
  sudo update-ca-certificates </dev/null
  # It leaves links to what is gone. (With --fresh it would not, and would take minutes in an emulated guest.)
  sudo find "$ROOT/etc/ssl/certs" -xtype l -delete
  ask_for_restart
}

check() {
  ! nothing_wanted || {
    nothing_there
    return
  }
  local variables authorities
  variables=$(proxy_variables)
  [ "$(block "$ENVIRONMENT")" = "$variables" ] || return 1
  is "$PROXY_FILE" "$(in_quotes <<<"$variables")" || return 1
  is "$APT_CONFIGURATION" "$(apt_configuration)" && is "$APT_SOURCES" "$(apt_sources)" || return 1
  authorities=$(mktemp -d)
  split_authorities "$authorities"
  local rc=0
  authorities_are "$authorities" || rc=1
  rm -rf "$authorities"
  return "$rc"
}

apply() {
  local variables mode=0644 authorities
  variables=$(proxy_variables)
  # All who read these files do so as root: PAM, systemd, and apt before it hands its work to others.
  ! has_password || mode=0600
  apt_configuration | put_or_remove "$APT_CONFIGURATION" "$mode"
  apt_sources | put_or_remove "$APT_SOURCES" 0644
  if [ "$(block "$ENVIRONMENT")" != "$variables" ]; then
    # The services of all snaps take it from there, when they start.
    put_block "$ENVIRONMENT" "$mode" <<<"$variables"
    ask_for_restart
  fi
  # For these scripts themselves: a session that is open already does not see /etc/environment again.
  mkdir -p "$NETWORK_NOTES"
  if [ -n "$variables" ]; then
    (umask 077 && in_quotes <<<"$variables" >"$PROXY_FILE.new")
    mv "$PROXY_FILE.new" "$PROXY_FILE"
  else
    rm -f "$PROXY_FILE"
  fi
  authorities=$(mktemp -d)
  split_authorities "$authorities"
  if ! authorities_are "$authorities" || { [ -d "$ANCHORS" ] && [ -z "$(ls "$authorities")" ]; }; then
    trust "$authorities"
  fi
  rm -rf "$authorities"
}

dispatch "$@"
