#!/usr/bin/env bash
# Takes the lab back: the documented purge path, and what that leaves behind. Safe at any time, also on a
# lab that is only half built.
# documented: sudo snap remove --purge juju ; rm -rf ~/.local/share/juju
# documented: sudo snap remove --purge microk8s ; sudo rm -rf /var/snap/microk8s
# Usage: bash purge.sh apply    remove all of it, then prove that nothing is left
#        bash purge.sh check    print each thing that is left; exit code 1 if there is any
# What stays: snapd with its base snaps, the settings of the lab, what the machine was told of the network (step 05
# and snapd's settings: it needs them for whatever comes next), what makes copies of the machine new (seal.sh), and files
# that are not the lab's.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Directories of MicroK8s; nothing else puts files below them.
OWN_DIRECTORIES=(/var/snap/microk8s /var/snap/juju /var/lib/calico /var/lib/cni /run/flannel /run/calico
  /root/snap/microk8s /root/snap/juju)
# Places that another program may own: they go if they are links into MicroK8s or no package owns them.
SHARED_PLACES=(/var/lib/kubelet /etc/cni/net.d /etc/cni /opt/cni/bin /opt/cni /var/log/pods /var/log/containers)
OWN_USER_PATHS=("$JUJU_DATA" "$HOME/snap/juju" "$HOME/snap/microk8s" "$HOME/.kube/cache" "$HOME/.kube/http-cache")

# Each of the following functions prints what is there, one a line; `apply` removes what they print.

snaps() {
  [ -x "$SNAP" ] || return 0
  "$SNAP" list --color=never --unicode=never 2>/dev/null </dev/null | awk '$1 == "juju" || $1 == "microk8s" { print $1 }'
}

# Mount points below MicroK8s' directories, kubelet's, and of its pods' network namespaces; deepest first.
# The fifth field is the mount point, with a blank as \040.
mounts() {
  local point
  awk '{ print $5 }' "$ROOT/proc/self/mountinfo" | sort -r | while read -r point; do
    printf -v point %b "${point//\\0/\\00}"
    case $point in
      "$ROOT"/var/snap/microk8s/* | "$ROOT"/var/lib/kubelet/* | "$ROOT"/var/lib/kubelet | "$ROOT"/run/netns/cni-* | "$ROOT"/var/run/netns/cni-*) echo "$point" ;;
    esac
  done
}

# Processes that run a program of the snap, or serve its containerd: shims outlive everything else. (One
# `find` and one `grep` for all of them; a link into a snap that is gone does not show its path any more.)
processes() {
  local proc=$ROOT/proc pid
  {
    sudo find "$proc" -maxdepth 2 -path "$proc/[0-9]*/exe" -lname '/snap/microk8s/*' 2>/dev/null
    grep -lzs '^[/]var/snap/microk8s/.*/containerd[.]sock$' "$proc"/[0-9]*/cmdline
  } | sed "s|^$proc/||; s|/.*||" | sort -un | while read -r pid; do
    echo "$pid $(tr '\0' ' ' 2>/dev/null <"$proc/$pid/cmdline" | cut -c 1-100)"
  done
}

# The control groups of pods; ending one ends what runs in it.
pod_groups() {
  local group
  for group in "$ROOT"/sys/fs/cgroup/kubepods "$ROOT"/sys/fs/cgroup/kubepods.slice; do
    [ ! -d "$group" ] || echo "$group"
  done
}

interfaces() {
  ip -o link show | awk -F ': ' '{ sub(/@.*/, "", $2); print $2 }' |
    grep -E '^(cni0|vxlan\.calico|vxlan-v6\.calico|cali.+|flannel.*|cilium.*|lxc_health|kube-ipvs0|nodelocaldns|veth[0-9a-f]{8})$' || true
}

namespaces() { ip netns list 2>/dev/null | awk '{ print $1 }' | grep '^cni-' || true; }

# Rules that kube-proxy, the network plugins and Calico made. Without iptables in the guest there is nobody
# to ask; they are gone with the next boot then.
readonly OUR_RULES='KUBE-|CNI-|cali[-:]|FLANNEL|microk8s'
tables() {
  local tool
  for tool in iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy; do
    [ -x "$ROOT/usr/sbin/$tool-save" ] || continue
    # (Not grep -q: it would leave early, and that the other side cannot write on counts as a failure.)
    ! sudo "$tool-save" 2>/dev/null | grep -E "$OUR_RULES" >/dev/null || echo "$tool"
  done
}

owned_by_a_package() { dpkg-query --search "$1" >/dev/null 2>&1; }

paths() {
  local path unit
  # As root, who alone sees what is below /root; in one go, since each sudo takes its time.
  # shellcheck disable=SC2016 # for the other shell
  sudo sh -c 'for path; do if [ -e "$path" ] || [ -L "$path" ]; then echo "$path"; fi; done' sh "${OWN_DIRECTORIES[@]/#/$ROOT}"
  for path in "${SHARED_PLACES[@]}"; do
    path=$ROOT$path
    if [ -L "$path" ] || { [ -e "$path" ] && ! owned_by_a_package "$path"; }; then echo "$path"; fi
  done
  # The sockets of shims, unless there is another containerd.
  [ -x "$ROOT/usr/bin/containerd" ] || [ ! -e "$ROOT/run/containerd" ] || echo "$ROOT/run/containerd"
  for path in "${OWN_USER_PATHS[@]}"; do
    [ ! -e "$path" ] && [ ! -L "$path" ] || echo "$path"
  done
  # A kubeconfig of another cluster is not ours.
  ! grep -qs 'server: https://[^/]*:16443' "$KUBECONFIG_FILE" || echo "$KUBECONFIG_FILE"
  for path in "$CREDENTIALS" "$STATE" "$SYSCTL_FILE" "$ROOT/etc/sysctl.d/10-microk8s.conf"; do
    [ ! -e "$path" ] || echo "$path"
  done
  # Units and their drop-ins; nothing is left of the snaps that they could belong to.
  for unit in "$ROOT"/etc/systemd/system/{,*.wants/}snap{.,-}{microk8s,juju}[.-]*; do
    [ ! -e "$unit" ] && [ ! -L "$unit" ] || echo "$unit"
  done
}

groups_left() { ! getent group "$MICROK8S_GROUP" >/dev/null || echo "$MICROK8S_GROUP"; }

leftovers() {
  snaps | sed 's/^/snap /'
  processes | sed 's/^/process /'
  pod_groups | sed 's/^/control group /'
  mounts | sed 's/^/mount /'
  namespaces | sed 's/^/network namespace /'
  interfaces | sed 's/^/network interface /'
  tables | sed 's/^/rules of Kubernetes in /'
  paths | sed 's/^/path /'
  groups_left | sed 's/^/group /'
}

print_left() { printf 'left: %s\n' "${1//$'\n'/$'\n'left: }"; }

check() {
  local left
  left=$(leftovers)
  if [ -n "$left" ]; then
    print_left "$left"
    return 1
  fi
}

# --- removing -----------------------------------------------------------------------------------

remove_snap() {
  local name=$1
  has_word "$(snaps | paste -s -d ' ')" "$name" || return 0
  waiting "the snap $name to be removed"
  # A disabled snap cannot unmount what its services mounted: its remove hook does not run.
  if [ "$(snap_state "$name" any)" = disabled ]; then snap_do 300 enable "$name"; fi
  # --purge, because a snapshot of the data takes long and fails on files that change. One snap a call:
  # snapd 2.57 accepts options for one name only.
  snap_do 900 remove --purge "$name"
}

# The same operation may be under way from a run that was cut short.
stop_changes() {
  [ -x "$SNAP" ] || return 0
  wait_for 120 "snapd to finish what it is doing" snapd_idle && return
  local id
  for id in $(snapd_changes); do
    note "Change $id of snapd takes too long: aborted"
    sudo timeout 60 "$SNAP" abort "$id" </dev/null || true
  done
  wait_snapd 300
}

end_processes() {
  local group pid rest
  for group in $(pod_groups); do
    echo 1 | sudo tee "$group/cgroup.kill" >/dev/null || true
  done
  sudo systemctl stop kubepods.slice 2>/dev/null || true
  while read -r pid rest; do
    note "ending process $pid $rest"
    sudo kill -KILL "$pid" 2>/dev/null || true
  done < <(processes)
  wait_for 30 "the pods' processes to end" no_processes || true
  for group in $(pod_groups); do
    sudo find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}
no_processes() { [ -z "$(processes)" ]; }

unmount_all() {
  local point
  # Again until there is none: unmounting one may uncover another.
  for _ in 1 2 3; do
    while read -r point; do
      sudo umount --lazy "$point" || true
    done < <(mounts)
    [ -n "$(mounts)" ] || return 0
  done
}

remove_network() {
  local name tool rules
  for name in $(namespaces); do sudo ip netns delete "$name" || true; done
  # Some go with another one: their removal fails, which is as good.
  for name in $(interfaces); do sudo ip link delete "$name" 2>/dev/null || true; done
  for tool in $(tables); do
    rules=$(sudo "$tool-save" | grep -Ev "$OUR_RULES") || true
    sudo "$tool-restore" <<<"$rules" || true
  done
}

# A file system that is still mounted somewhere below is never entered.
remove_paths() {
  local path
  while read -r path; do
    if grep -qF " $path/" "$ROOT/proc/self/mountinfo"; then
      note "$path stays: something is mounted below it"
    else
      sudo rm -rf --one-file-system "$path"
    fi
  done < <(paths)
  rmdir "$HOME/.kube" "$HOME/snap" 2>/dev/null || true
}

restore_limits() {
  local instances watches
  read -r instances watches <<<"$(recall sysctl)"
  [ -n "$watches" ] || return 0
  sudo sysctl "fs.inotify.max_user_instances=$instances" "fs.inotify.max_user_watches=$watches"
}

remove_group() {
  [ -n "$(groups_left)" ] || return 0
  ! in_microk8s_group || sudo gpasswd --delete "$(login)" "$MICROK8S_GROUP"
  sudo groupdel "$MICROK8S_GROUP"
}

apply() {
  stop_changes
  progress "0/5 snaps"
  # The applications go with their cluster: asking Juju to destroy them first would only take longer. Its
  # data goes too, since it would point at a cluster that is gone.
  remove_snap juju
  remove_snap microk8s
  progress "1/5 processes"
  end_processes
  progress "2/5 mounts"
  unmount_all
  progress "3/5 network"
  remove_network
  progress "4/5 files"
  restore_limits
  remove_paths
  remove_group
  sudo systemctl daemon-reload
  sudo systemctl reset-failed 'snap.microk8s.*' 'snap.juju.*' 2>/dev/null || true
  ! mountpoint -q "$BUNDLE" || sudo umount "$BUNDLE"
  local left
  left=$(leftovers)
  if [ -n "$left" ]; then
    print_left "$left"
    die "Not everything went: $(head -n 1 <<<"$left") and $(($(wc -l <<<"$left") - 1)) more" "Restart the VM ('vagrant reload') and purge again: a restart frees what is busy."
  fi
  progress "5/5 nothing is left"
}

check_or_apply "$@"
