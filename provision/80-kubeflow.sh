#!/usr/bin/env bash
# title: Deploy Kubeflow
# why: Asks Juju for all applications of the bundle and their relations. It returns long before they
#   work; step 90 waits for them.
# documented: juju deploy kubeflow --trust --channel=1.8/stable
# layer: kubeflow
# timeout: 2700
# retries: 4

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

applications() {
  local names
  names=$(overview applications) && [ -n "$names" ] && echo "$names"
}

# A deployment that was cut short may have all applications and lack relations between them. So its end is
# noted, with what was there (step 70 forgets that with the model); and what was there must be there still.
check() {
  local past now name
  past=$(recall deployed)
  [ -x "$JUJU" ] && [ -n "$past" ] && now=$(applications) || return 1
  for name in $past; do
    has_word "$now" "$name" || return 1
  done
}

apply() {
  local log rc=0
  log=$(mktemp)
  waiting "juju deploy"
  # It is no transaction, but it looks at what is there: a second run completes the first.
  juju 2400 deploy "$LAB_CHARM" --model "$MODEL" --trust "--channel=$LAB_CHARM_CHANNEL" 2>&1 | tee "$log" || rc=$?
  local reason
  reason=$(grep -E '^ERROR' "$log" | tail -n 1 || tail -n 1 "$log")
  rm -f "$log"
  if [ "$rc" -ne 0 ]; then
    case $reason in
      *"requirements cannot be met"* | *"without trusting"* | *"not found in"* | *"not found for channel"* | *"no charm or bundle"*)
        die "'juju deploy $LAB_CHARM' failed: $reason" "Does the channel $LAB_CHARM_CHANNEL still exist, and is Juju new enough for it?"
        ;;
    esac
    try_later "'juju deploy $LAB_CHARM' failed: ${reason:-exit code $rc}" "A second run goes on where this one stopped."
  fi
}

ready() {
  local names
  names=$(applications) || try_later "The model $MODEL has no applications after the deployment"
  remember deployed "$names"
  progress "$(wc -w <<<"$names")/$(wc -w <<<"$names") applications deployed"
}

dispatch "$@"
