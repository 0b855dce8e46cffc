#!/usr/bin/env bash
# Runs at each start of a machine that was packed as a box (seal.sh), as root and before sshd. In the machine that
# was packed it does nothing. A copy is known by its UUID; in it, what was the other machine's alone is made anew:
#   - the keys of its SSH server;
#   - who may log in: Vagrant, with the key that all boxes have, which it replaces before anything else happens;
#   - the password for Kubeflow: without it, step 85 makes and sets a new one.
# The note of the machine is written last, so that a start that is cut short is made up for by the next one; and all
# of it is on the disk before sshd lets anybody in.
set -euo pipefail

root=${LAB_ROOT:-} # only the unit tests set it
notes=$root/etc/kubeflow-lab
this=$(cat "$root/sys/class/dmi/id/product_uuid")

uuid='' user='' home=''
# shellcheck source=/dev/null
. "$notes/machine"
[ "$this" != "$uuid" ] || exit 0

rm -f "$root"/etc/ssh/ssh_host_*
ssh-keygen -A ${root:+-f "$root"}
install -m 0600 -o "$user" -g "$(id -g "$user")" "$notes/vagrant.pub" "$home/.ssh/authorized_keys"
rm -f "$home/.kubeflow-lab/credentials"
sed "s/^uuid=.*/uuid='$this'/" "$notes/machine" >"$notes/machine.new"
sync
mv "$notes/machine.new" "$notes/machine"
sync
