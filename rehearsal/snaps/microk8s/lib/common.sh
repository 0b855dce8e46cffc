# shellcheck shell=bash
# Shared by the snap's wrappers. snapd sets SNAP, SNAP_DATA and SNAP_COMMON.

# The programs of this snap come first; the rest is the host's, this being a classic snap.
export PATH="$SNAP/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# -S: no site-packages are needed, and leaving them out starts Python sooner.
# shellcheck disable=SC2034
readonly PYTHON=(/usr/bin/python3 -E -s -S)

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo -E -n "$@"
  fi
}

exit_if_no_permission() {
  if [ ! -r "$SNAP_DATA/credentials/client.config" ]; then
    local user
    user=$(id -un)
    cat >&2 <<TEXT
Insufficient permissions to access MicroK8s.
You can either try again with sudo or add the user $user to the 'microk8s' group:

    sudo usermod -a -G microk8s $user
    sudo chown -R $user ~/.kube

After this, reload the user groups either via a reboot or by running 'newgrp microk8s'.
TEXT
    exit 1
  fi
}

exit_if_stopped() {
  if [ -e "$SNAP_DATA/var/lock/stopped.lock" ]; then
    echo "microk8s is not running, try microk8s start" >&2
    exit 1
  fi
}

# The address this machine is reached at; "none" without a default route.
default_address() {
  local route
  route=$(ip -4 route get 1.0.0.0 2>/dev/null) || true
  if [[ $route =~ \ src\ ([0-9.]+) ]]; then
    echo "${BASH_REMATCH[1]}"
  else
    echo none
  fi
}
