#!/bin/bash
# Runs inside the new root file system, once all packages and the files of this box are there.
# The directory /lab-build holds what the builder handed in; the builder removes it afterwards.
set -euo pipefail
export LC_ALL=C.UTF-8

# The user that Vagrant logs in as, with Vagrant's well-known key: the port is published on loopback only.
useradd --create-home --shell /bin/bash --uid 1000 vagrant
install -d -m 700 -o vagrant -g vagrant /home/vagrant/.ssh
install -m 600 -o vagrant -g vagrant /lab-build/vagrant.pub /home/vagrant/.ssh/authorized_keys

# Identity and sources belong to the machine, not to the box. The guest is offline, so it has no sources.
rm -f /etc/ssh/ssh_host_* /etc/apt/sources.list /etc/apt/sources.list.d/*
: >/etc/apt/sources.list
: >/etc/machine-id
rm -f /etc/update-motd.d/*

systemctl set-default multi-user.target
systemctl enable systemd-networkd.service ssh.service lab-growroot.service lab-bake.service
# The agent is started by udev, when the machine has its channel. The others would only cost time here.
systemctl mask systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer \
  e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer snapd.snap-repair.timer

# snapd: two base snaps are seeded, under the model that snapd itself falls back to on any classic system.
# Its assertion is public and signed; Debian's own snapd carries it as text.
seed=/var/lib/snapd/seed
mkdir -p "$seed/snaps" "$seed/assertions"
cp /lab-build/core.snap /lab-build/core20.snap "$seed/snaps/"
cat >"$seed/seed.yaml" <<'YAML'
snaps:
 - {name: core, unasserted: true, file: core.snap}
 - {name: core20, unasserted: true, file: core20.snap}
YAML
python3 - /usr/lib/snapd/snapd "$seed/assertions/model" <<'PYTHON'
import re
import sys
from pathlib import Path

pattern = (
    rb"type: model\nauthority-id: generic\nseries: 16\nbrand-id: generic\nmodel: generic-classic\n"
    rb"classic: true\n(?:[a-z0-9-]+: [^\n]+\n)+\n(?:[A-Za-z0-9+/]{76}\n)+[A-Za-z0-9+/]*={0,2}\n"
)
found = re.search(pattern, Path(sys.argv[1]).read_bytes())
if found is None:
    sys.exit("this snapd does not carry the generic-classic model assertion")
Path(sys.argv[2]).write_bytes(found.group(0))
PYTHON

# One small initrd, and GRUB's two parts: the builder puts them in front of the partition.
printf '%s\n' virtio_pci virtio_blk virtio_scsi sd_mod ext4 crc32c_generic >>/etc/initramfs-tools/modules
update-initramfs -u
cat >/lab-build/early.cfg <<'GRUB'
search --no-floppy --label labroot --set=root
set prefix=($root)/boot/grub
GRUB
grub-mkimage -O i386-pc -o /boot/lab-core.img -c /lab-build/early.cfg -p /boot/grub \
  biosdisk part_msdos ext2 search search_label linux normal configfile serial terminal boot
cp /usr/lib/grub/i386-pc/boot.img /boot/lab-boot.img
