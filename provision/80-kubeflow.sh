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

applications() { juju 60 status --model "$MODEL" --format json 2>/dev/null | facts applications; }
model_id() { juju 60 models --controller "$LAB_CONTROLLER" --format json 2>/dev/null | facts model-id "$LAB_MODEL"; }

# A deployment that was cut short may have all applications and lack relations between them. So its end is
# noted, for this model, with what was there; and what was there must be there still.
check() {
  local id past now name
  [ -x "$JUJU" ] || return 1
  past=$(recall deployed)
  [ -n "$past" ] && id=$(model_id) && [ "${past%% *}" = "$id" ] && now=$(applications) || return 1
  for name in ${past#* }; do
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
      *"requirements cannot be met"* | *"without trusting"* | *"not found in"* | *"no charm or bundle"*)
        die "'juju deploy $LAB_CHARM' failed: $reason" "Does the channel $LAB_CHARM_CHANNEL still exist, and is Juju new enough for it?"
        ;;
    esac
    try_later "'juju deploy $LAB_CHARM' failed: ${reason:-exit code $rc}" "A second run goes on where this one stopped."
  fi
}

ready() {
  local id names
  id=$(model_id) || try_later "The controller $LAB_CONTROLLER does not answer"
  names=$(applications) || try_later "The model $MODEL has no applications after the deployment"
  remember deployed "$id $names"
  progress "$(wc -w <<<"$names")/$(wc -w <<<"$names") applications deployed"
}

dispatch "$@"
