#!/usr/bin/env bash
# Checks steps in their order, some at a time, up to the first that is not satisfied. What several checks want to
# know is asked once (`shared` in lib.sh). It changes nothing.
# Usage: bash look.sh STEP...
# Prints what each check says, and then "::checked STEP EXIT-CODE", in the order of the steps.
set -uo pipefail
exec </dev/null

directory=${BASH_SOURCE[0]%/*}
# In memory: a full disk must not stop a look.
LAB_ANSWERS=$(mktemp -d /dev/shm/kubeflow-lab.XXXXXX 2>/dev/null || mktemp -d) || exit 1
export LAB_ANSWERS
trap 'rm -rf "$LAB_ANSWERS"' EXIT

at_a_time=$(($(nproc) + 1)) # they wait for answers, too
declare -A step_of=() result=()
failed=

finish_one() {
  local pid rc=0
  wait -n -p pid || rc=$?
  result[${step_of[$pid]}]=$rc
  unset "step_of[$pid]"
  [ "$rc" -eq 0 ] || failed=yes
}

for step in "$@"; do
  [ "${#step_of[@]}" -lt "$at_a_time" ] || finish_one
  [ -z "$failed" ] || break
  bash "$directory/$step.sh" check >"$LAB_ANSWERS/$step.said" 2>&1 &
  step_of[$!]=$step
done
while [ "${#step_of[@]}" -gt 0 ]; do finish_one; done

for step in "$@"; do
  [ -n "${result[$step]:-}" ] || break
  cat "$LAB_ANSWERS/$step.said"
  echo "::checked $step ${result[$step]}"
  # A later step may seem satisfied and not be any more once this one has been carried out.
  [ "${result[$step]}" -eq 0 ] || break
done
