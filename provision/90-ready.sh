#!/usr/bin/env bash
# title: Wait until Kubeflow is ready
# why: Every application and every unit must be active, several times in a row. Errors on the way are
#   normal while applications wait for each other: Juju repeats the hook that failed.
# documented: juju status
# layer: kubeflow
# timeout: 7500
# retries: 0

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

status=("$JUJU" status --model "$MODEL" --format json)

# An application whose options were just set is called active until it has noticed, so one look is not enough then.
check() {
  [ -x "$JUJU" ] && [ -z "$(recall settling)" ] || return 1
  local active
  active=$(overview active) && note "$active" && [ "${active%% *}" = yes ]
}

apply() { :; }

ready() {
  cd "$HOME" || die "There is no home directory"
  KUBECONFIG=$KUBECONFIG_FILE facts wait "$LAB_KUBEFLOW_TIMEOUT" "$LAB_POLL" 3 "${status[@]}" ||
    die_with_pods
  forget settling
}

# The reason has been told already.
die_with_pods() {
  show_pods "$LAB_MODEL"
  juju 60 debug-log --model "$MODEL" --replay --no-tail --limit 40 --level WARNING 2>&1 || true
  printf '::hint %s\n' "It may only need longer: 'python -m lab up' goes on waiting. See the log and 'juju status'." >&2
  exit 1
}

dispatch "$@"
