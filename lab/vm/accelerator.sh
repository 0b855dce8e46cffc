#!/bin/sh
# Says how QEMU is to run the lab's virtual machine on this host: "kvm" or "qemu" (emulation, about 20 times
# slower) on the first line, the reason on the second. The Vagrantfile and the lab's Python both ask it.
#
# That /dev/kvm exists proves nothing: on some cloud hosts it opens, and then no ordinary guest gets anywhere. So
# a guest is run (bootsector.S), first emulated, as a control. The answer is kept until the next boot of the host.
set -eu

qemu=${LAB_QEMU:-qemu-system-x86_64}
kvm=${LAB_KVM_DEVICE:-/dev/kvm}
limit=5 # seconds; the guest needs a tenth of one, even emulated
cache=${XDG_CACHE_HOME:-${HOME:-}/.cache}/kubeflow-lab/accelerator

access=none
if [ -r "$kvm" ] && [ -w "$kvm" ]; then
  access=open
elif [ -e "$kvm" ]; then
  access=closed
fi

# What the answer depends on. A user may have been added to the group "kvm" since.
boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown)
key="$boot $kvm $access $(command -v "$qemu" || echo no-qemu)"
if [ "$(head -n 1 "$cache" 2>/dev/null)" = "$key" ]; then
  tail -n +2 "$cache"
  exit 0
fi

cd "$(dirname "$0")" # so that no odd character of the path gets into QEMU's option
run_guest() {
  code=0
  timeout -k 1 "$limit" "$qemu" -accel "$1" -machine pc -m 16 -nodefaults -display none -no-reboot -net none \
    -drive file=bootsector.bin,format=raw,if=ide,snapshot=on \
    -device isa-debug-exit,iobase=0xf4,iosize=1 </dev/null >/dev/null 2>&1 || code=$?
  [ "$code" -eq 33 ]
}

if ! command -v "$qemu" >/dev/null; then
  echo "$qemu is not installed" >&2
  exit 1
fi
if ! run_guest tcg; then
  echo "$qemu cannot even run an emulated guest of one sector (exit code $code)" >&2
  exit 1
fi

answer=qemu
case $access in
  none) reason="there is no $kvm" ;;
  closed) reason="$kvm is there, but this user may not open it (is it in the group of that file?)" ;;
  open)
    if run_guest kvm; then
      answer=kvm
      reason="a 64-bit guest ran under $kvm"
    elif [ "$code" -eq 124 ]; then
      reason="$kvm opens, but a 64-bit guest of one sector hung under it for $limit s"
    else
      reason="$kvm opens, but a 64-bit guest of one sector failed under it (exit code $code)"
    fi
    ;;
esac

printf '%s\n%s\n' "$answer" "$reason"
# An answer that cannot be kept, with a full disk for one, is an answer all the same.
{
  mkdir -p "$(dirname "$cache")" &&
    printf '%s\n%s\n%s\n' "$key" "$answer" "$reason" >"$cache.$$" &&
    mv "$cache.$$" "$cache"
} 2>/dev/null || rm -f "$cache.$$"
