#!/usr/bin/env bash
# Runs all steps in order, for a plain `vagrant up`; what is done already is skipped. Stops at the first
# step that fails and says what to do. What the steps print goes to one log file each.
# Usage: bash run.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

LOGS=$LAB_HOME/logs
table=()
started=$SECONDS
child=

# show LOG: keep everything, print what is meant for people.
show() {
  local line
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$1"
    case $line in
      ::progress* | ::waiting*) printf '        %s\n' "${line#*::* }" ;;
      ::error*) printf '  ERROR %s\n' "${line#::error }" ;;
      ::hint*) printf '        %s\n' "${line#::hint }" ;;
    esac
  done
}

# Exit codes as those of `python -m lab`.
exit_code() {
  case $1 in
    host) echo 10 ;;
    vm) echo 20 ;;
    network) echo 30 ;;
    microk8s) echo 40 ;;
    juju) echo 50 ;;
    *) echo 60 ;;
  esac
}

# execute SECONDS LOG COMMAND...: in the background, so that an interrupt is noticed at once.
execute() {
  local seconds=$1 log=$2 rc=0 out shown
  shift 2
  exec {out}> >(show "$log")
  shown=$!
  timeout --kill-after=15 "$seconds" "$@" </dev/null >&"$out" 2>&1 {out}>&- &
  child=$!
  wait "$child" || rc=$?
  child=
  exec {out}>&-
  wait "$shown" || true
  return "$rc"
}

interrupted() {
  [ -z "$child" ] || kill "$child" 2>/dev/null || true
  echo "Interrupted. Run the same command again: it goes on where it stopped."
  exit 130
}
trap interrupted INT TERM

print_table() {
  echo
  printf '%s\n' "${table[@]}"
  printf '%6d s  in all\n' "$((SECONDS - started))"
}

main() {
  mkdir -p "$LOGS"
  local steps=("$PROVISION_DIR"/??-*.sh) step name title log number=0 begun rc result
  for step in "${steps[@]}"; do
    number=$((number + 1))
    name=$(basename "$step" .sh)
    title=$(header "$step" title)
    log=$LOGS/$name.log
    begun=$SECONDS
    printf '[%d/%d] %s\n' "$number" "${#steps[@]}" "$title"
    printf '=== %s\n' "$(date --iso-8601=seconds)" >>"$log"
    rc=0
    result="done"
    if execute 120 "$log" bash "$step" check; then
      result="was done already"
    else
      LAB_CHECKED=yes execute $(($(header "$step" timeout) * ($(header "$step" retries) + 1))) "$log" bash "$step" run || rc=$?
      [ "$rc" -eq 0 ] || result="FAILED"
    fi
    table+=("$(printf '%6d s  %-18s %s' "$((SECONDS - begun))" "$name" "$result")")
    if [ "$rc" -ne 0 ]; then
      [ "$rc" -ne 124 ] && [ "$rc" -ne 137 ] || echo "  ERROR The step did not end within its time."
      echo "        Last lines of $log:"
      tail -n 15 "$log" | sed 's/^/        | /'
      print_table
      echo
      echo "Step $name failed. When the cause is removed, run the same command again: it goes on here."
      echo "To start afresh in this VM: bash $PROVISION_DIR/purge.sh apply"
      return "$(exit_code "$(header "$step" layer)")"
    fi
  done
  print_table
  cat <<END

The lab is ready. Inside the VM:
  juju status                        the applications
  microk8s kubectl get pods -A       the pods
  cat $CREDENTIALS    the login
END
}

main
