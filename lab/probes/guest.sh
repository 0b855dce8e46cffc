#!/usr/bin/env bash
# Gathers the state of the guest in one go, for `lab status`. It changes nothing.
# Usage: bash guest.sh MARK CONTROLLER MODEL known|quick|full
# Each answer is printed as a line "MARK NAME EXIT-CODE", its standard output, a line
# "MARK NAME stderr" and its standard error. A program that is not installed answers 127.
# Starting a program takes long in an emulated guest, so what bash can do itself, it does.
set -uo pipefail

mark=$1
controller=$2
model=$3
# "known": all is well with Kubernetes, as its API server has told. "full": MicroK8s itself is to say which addons
# are enabled. It takes its time for that.
kubernetes=$4
microk8s=/snap/bin/microk8s
microk8s_snap=/snap/microk8s/current
microk8s_data=/var/snap/microk8s/current
juju=/snap/bin/juju
snaps=/snap
juju_data=$HOME/.local/share/juju

answers=$(mktemp -d /dev/shm/lab-status.XXXXXX 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$answers"' EXIT

# ask NAME SECONDS COMMAND...: keep what the command says; it may hang, so it gets a deadline.
ask() {
  local name=$1 seconds=$2
  shift 2
  if type -P "$1" >"$answers/$name.out"; then
    timeout --kill-after=2 "$seconds" "$@" </dev/null >"$answers/$name.out" 2>"$answers/$name.err"
    echo $? >"$answers/$name.rc"
  else
    echo "$1 is not installed" >"$answers/$name.err"
    echo 127 >"$answers/$name.rc"
  fi
}

# answer NAME FILE: what is in a file.
answer() {
  local text rc=0
  { text=$(<"$2"); } 2>"$answers/$1.err" || rc=1
  printf '%s\n' "$text" >"$answers/$1.out"
  echo "$rc" >"$answers/$1.rc"
}

# The answers must not depend on the groups of this login.
as_root=()
[ -r "$microk8s_data/credentials/client.config" ] || as_root=(sudo -n)
ask_microk8s() {
  local name=$1 seconds=$2
  shift 2
  if [ -x "$microk8s" ]; then
    ask "$name" "$seconds" "${as_root[@]}" "$@"
  else
    ask "$name" "$seconds" "$microk8s"
  fi
}

# What `microk8s kubectl` runs, without the programs before it.
kubectl=("$microk8s_snap/kubectl" "--kubeconfig=$microk8s_data/credentials/client.config")
[ -x "${kubectl[0]}" ] || kubectl=("$microk8s" kubectl)

tab='{"\t"}'
# One line a pod: namespace, name, phase, reasons why its containers wait, why it is not scheduled.
pods="{range .items[*]}{.metadata.namespace}$tab{.metadata.name}$tab{.status.phase}$tab{.status.containerStatuses[*].state.waiting.reason}$tab{.status.conditions[?(@.reason==\"Unschedulable\")].message}{\"\n\"}{end}"

# get NAME PATH: a list as the API server sends it. (Without --raw kubectl first asks for all the kinds that there
# are, which takes it longer than all the rest.)
get() { ask_microk8s "$1" 20 "${kubectl[@]}" get --raw "$2" --request-timeout=15s; }

ask_kubernetes() {
  get nodes /api/v1/nodes &
  get deployments /apis/apps/v1/deployments &
  get daemonsets /apis/apps/v1/daemonsets &
  wait
  # A node that is ready is what MicroK8s calls running; if it is not, MicroK8s may know why.
  if [ "$kubernetes" = full ] || ! grep -Eqs '"type": ?"Ready", ?"status": ?"True"' "$answers/nodes.out"; then
    ask_microk8s microk8s 45 "$microk8s" status --format yaml &
  fi
  # The pods say why something is not ready; when all is well that question is saved.
  if grep -Eqs '"(unavailableReplicas|numberUnavailable)": ?[1-9]' "$answers"/{deployments,daemonsets}.out; then
    ask_microk8s pods 20 "${kubectl[@]}" get pods --all-namespaces --request-timeout=15s -o "jsonpath=$pods"
  fi
  wait
}

ask_juju() {
  # Without a controller of that name there is nobody to ask.
  if grep -qs "^ *$controller:" "$juju_data/controllers.yaml"; then
    JUJU_STATUS_ISO_TIME=true ask juju 25 "$juju" status --format json --model "$controller:$model"
  elif [ ! -x "$juju" ]; then
    ask juju 5 "$juju"
  fi
}

# What snapd thinks of the snaps: NAME absent|disabled|broken|ok. Asked for its list, it would first ask systemd about
# each of their services, which takes it longer than all other answers.
snap_states() {
  local name
  for name in microk8s juju; do
    if [ ! -d "$snaps/$name" ]; then
      echo "$name absent"
    elif [ ! -e "$snaps/$name/current" ]; then
      echo "$name disabled"
    elif [ ! -e "$snaps/$name/current/meta/snap.yaml" ]; then
      echo "$name broken"
    else
      echo "$name ok"
    fi
  done
}

[ "$kubernetes" = known ] || ask_kubernetes &
ask_juju &
LC_ALL=C ask snap 15 /usr/bin/snap version &
ask snapd 5 systemctl show --timestamp=unix --property=ActiveState,ActiveEnterTimestamp snapd.service &
[ ! -e "$microk8s" ] || ask_microk8s apiserver 5 cat "$microk8s_data/args/kube-apiserver" &
answer controllers "$juju_data/controllers.yaml"
answer models "$juju_data/models.yaml"
answer uptime /proc/uptime
snap_states >"$answers/snaps.out"
echo 0 >"$answers/snaps.rc"
printf '%(%s)T\n' -1 >"$answers/clock.out"
echo 0 >"$answers/clock.rc"
wait

# One program for all of them.
parts=()
for rc in "$answers"/*.rc; do
  path=${rc%.rc}
  printf '\n%s %s %s\n' "$mark" "${path##*/}" "$(<"$rc")" >"$path.head"
  printf '\n%s %s stderr\n' "$mark" "${path##*/}" >"$path.middle"
  : >>"$path.out"
  : >>"$path.err"
  parts+=("$path.head" "$path.out" "$path.middle" "$path.err")
done
cat "${parts[@]}"
