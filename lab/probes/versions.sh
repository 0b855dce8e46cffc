#!/usr/bin/env bash
# Asks the guest which versions it has, in one go, for lab.lock. It changes nothing.
# Usage: bash versions.sh MARK CONTROLLER MODEL
# The answers have the form of those of guest.sh.
set -uo pipefail

mark=$1
controller=$2
model=$3
microk8s=/snap/bin/microk8s
juju=/snap/bin/juju

# ask NAME SECONDS COMMAND...: tell what the command says; it may hang, so it gets a deadline.
ask() {
  local name=$1 seconds=$2 said code
  shift 2
  said=$(timeout --kill-after=2 "$seconds" "$@" </dev/null 2>/dev/null)
  code=$?
  printf '\n%s %s %s\n%s\n' "$mark" "$name" "$code" "$said"
  printf '\n%s %s stderr\n' "$mark" "$name"
}

tab='{"\t"}'
newline='{"\n"}'
image="{.image}$tab{.imageID}$newline"
images="{range .items[*].status.initContainerStatuses[*]}$image{end}{range .items[*].status.containerStatuses[*]}$image{end}"

ask os 5 cat /etc/os-release
ask debian 5 cat /etc/debian_version
ask kernel 5 uname -r
ask snaps 15 /usr/bin/snap list --color=never --unicode=never
# As root, so that the answer does not depend on the groups of this login.
ask kubernetes 30 sudo -n "$microk8s" kubectl version --output json
ask runtime 30 sudo -n "$microk8s" kubectl get nodes \
  -o "jsonpath={.items[*].status.nodeInfo.containerRuntimeVersion}"
ask images 30 sudo -n "$microk8s" kubectl get pods --all-namespaces -o "jsonpath=$images"
ask controllers 20 "$juju" controllers --format json
ask model 30 "$juju" status --format json --model "$controller:$model"
