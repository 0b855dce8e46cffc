#!/usr/bin/env bash
# Installs what the lab needs on a Debian 12 host: packages and a Python environment in .venv.
# Root, or a user who may use sudo. Safe to run again: it does nothing when all is there.
#
#   scripts/setup-host.sh            packages for running and building a rehearsal, and .venv
#   scripts/setup-host.sh --check    only says what is missing (exit 1 if anything is)
set -euo pipefail

cd "$(dirname "$0")/.."

# Vagrant and the virtual machine.
vm_packages=(
  vagrant vagrant-libvirt libvirt-daemon libvirt-clients libvirt-daemon-driver-qemu
  qemu-system-x86 qemu-utils openssh-client
)
# What the rehearsal is built from and with.
build_packages=(
  mmdebstrap e2fsprogs squashfs-tools xorriso uidmap zstd
  golang-go dpkg-dev make git rsync patch
)
# The Python environment, and the checks of `make test`.
python_packages=(python3 python3-venv)
check_packages=(shellcheck shfmt openssh-server)

say() { printf '==> %s\n' "$*"; }
die() {
  printf 'error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '  hint: %s\n' "$2" >&2
  exit 10
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "Packages are missing and neither root nor sudo is at hand." \
      "As root: apt-get install ${missing[*]}"
  fi
}

missing_packages() {
  local package
  for package in "${vm_packages[@]}" "${build_packages[@]}" "${python_packages[@]}" "${check_packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

install_packages() {
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300)
  as_root "${apt[@]}" update
  # No recommended packages: they would bring a system-wide libvirt with a network bridge, which the lab does not use.
  as_root "${apt[@]}" install --no-install-recommends "${missing[@]}"
}

# The stamp holds what the environment was made from, so that a changed pin makes it anew.
python_inputs() { cat pyproject.toml constraints.txt; }

python_is_current() {
  [ -x .venv/bin/python ] && python_inputs | cmp -s - .venv/inputs
}

make_python() {
  say "Making the Python environment .venv"
  # Debian's own Python: another one first on PATH may lack venv or be older than the lab needs.
  [ -x .venv/bin/python ] || /usr/bin/python3 -m venv .venv
  .venv/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[acceptance,dev]'
  python_inputs >.venv/inputs
}

command -v dpkg-query >/dev/null || die "This is not a Debian machine." \
  "The rehearsal is built from Debian's packages; for the real lab any host with Vagrant will do, see README.md."

mapfile -t missing < <(missing_packages)
if [ "${1:-}" = --check ]; then
  [ ${#missing[@]} -eq 0 ] || { say "missing packages: ${missing[*]}" && exit 1; }
  python_is_current || { say "the Python environment .venv is missing or out of date" && exit 1; }
  exit 0
fi
[ ${#missing[@]} -eq 0 ] || install_packages
python_is_current || make_python
