#!/bin/bash
# mkfs.sh ROOT TAR DISK OFFSET SIZE BUILD: writes a root file system into the partition of a disk.
# Unpacks TAR to ROOT (without the directory BUILD, and without what apt was told about this host's network), makes
# an ext4 of SIZE with its content at OFFSET of DISK, and puts GRUB's two parts beside TAR. Runs as root, or as an
# ordinary user who is root in a user namespace: only there are the owners of the unpacked files right, and only
# there can they be removed again.
set -euo pipefail
root=$1 tar=$2 disk=$3 offset=$4 size=$5 build=$6
PATH=$PATH:/usr/sbin:/sbin

tar -C "$root" --numeric-owner --xattrs --xattrs-include='*' --exclude='./dev/*' --exclude="./$build" \
  --exclude='./etc/apt/apt.conf.d/99mmdebstrap' -xf "$tar"
mv "$root/boot/lab-boot.img" "$root/boot/lab-core.img" "$(dirname "$tar")/"
# All inode tables are written now, or the guest's kernel would do it in the background of its first minutes.
# They are many zeros, so fewer inodes than usual. The two features are unknown to GRUB or to older kernels.
mke2fs -q -F -t ext4 -L labroot -m 1 -i 32768 -O '^metadata_csum_seed,^orphan_file' \
  -E "offset=$offset,lazy_itable_init=0,lazy_journal_init=0" -d "$root" "$disk" "$size"
rm -rf "$root" "$tar"
