#!/usr/bin/env bash
# Prepares this machine to be packed as a box (`python -m lab bake`). What tells a machine from others, such as its
# SSH keys, must not be the same in all of its copies; so a service is left in it that makes it new wherever it
# finds itself in another machine (new-machine.sh). In this one the service does nothing.
# Usage: bash seal.sh check    is it prepared? exit code 0, else 1
#        bash seal.sh apply    prepare it, and tell the host which blocks of the disk are free

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

readonly SERVICE=kubeflow-lab-new-machine
PROGRAM=$ROOT/usr/local/sbin/$SERVICE
UNIT=$ROOT/etc/systemd/system/$SERVICE.service
NOTES=$ROOT/etc/kubeflow-lab # of new-machine.sh
UUID_FILE=$ROOT/sys/class/dmi/id/product_uuid

# Before sshd, since its keys may have to be made. A socket of sshd comes before what services usually wait for.
unit() {
  cat <<UNIT
[Unit]
Description=Make this machine a new one if it is a copy (Kubeflow Lab)
ConditionPathExists=/etc/kubeflow-lab/machine
DefaultDependencies=no
After=local-fs.target
Before=ssh.service ssh.socket

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/$SERVICE

[Install]
WantedBy=multi-user.target
UNIT
}

uuid() { sudo cat "$UUID_FILE" 2>/dev/null; }

note_of_machine() { printf "uuid='%s'\nuser='%s'\nhome='%s'\n" "$1" "$(login)" "$HOME"; }

check() {
  local uuid
  uuid=$(uuid) || return 1
  cmp -s "$PROVISION_DIR/new-machine.sh" "$PROGRAM" && unit | cmp -s - "$UNIT" &&
    note_of_machine "$uuid" | cmp -s - "$NOTES/machine" && systemctl is-enabled --quiet "$SERVICE" || return 1
}

apply() {
  local uuid
  uuid=$(uuid) || die "This machine has no UUID, by which a copy would know that it is one" "Its firmware should have one: $UUID_FILE"
  sudo install -D -m 0755 "$PROVISION_DIR/new-machine.sh" "$PROGRAM"
  sudo install -D -m 0644 "$PROVISION_DIR/vagrant.pub" "$NOTES/vagrant.pub"
  unit | sudo install -D -m 0644 /dev/stdin "$UNIT"
  note_of_machine "$uuid" | sudo install -m 0644 /dev/stdin "$NOTES/machine"
  sudo systemctl daemon-reload
  sudo systemctl enable --quiet "$SERVICE"
  waiting "the disk's free blocks to be handed back"
  sudo fstrim / || note "The box will be larger than it need be."
  sync # it may be switched off if it does not shut down in time
}

check_or_apply "$@"
