#!/usr/bin/env bash
# title: Set options of the applications
# why: What the edition and lab.yaml say under "applications", such as other images for what pipelines start. The
#   documented sequence has no such line; without such settings there is nothing to do.
# documented: juju config APPLICATION OPTION=VALUE
# layer: kubeflow
# timeout: 900
# retries: 3

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

readonly NOTES=$STATE/options # the values that were replaced

options() { python3 -I -S "$PROVISION_DIR/juju_options.py" "$@"; }
concerned() { options applications "$NOTES"; }
config() { juju 60 config --model "$MODEL" "$1" --format json; }

check() {
  [ -n "$LAB_APP_CONFIG" ] || [ -s "$NOTES" ] || return 0
  local application answer
  for application in $(concerned); do
    [ -x "$JUJU" ] && answer=$(config "$application" 2>/dev/null) &&
      options is-set "$application" "$NOTES" <<<"$answer" || return 1
  done
}

apply() {
  local application answer
  mkdir -p "$STATE"
  for application in $(concerned); do
    answer=$(config "$application") || {
      not_there "$application" "$(config "$application" 2>&1 || true)"
      continue
    }
    options is-set "$application" "$NOTES" <<<"$answer" || change "$application" "$answer"
  done
}

# not_there APPLICATION ANSWER
not_there() {
  case $2 in
    *'application "'*'not found'*)
      # What was noted of one that went is nobody's any more.
      options settle "$1" "$NOTES" <<<'{}'
      has_word "$(concerned | paste -s -d ' ')" "$1" || return 0
      die "There is no application $1 whose options could be set" "Mend 'applications' in lab.yaml; they are: $(overview applications)."
      ;;
  esac
  try_later "'juju config $1' failed: $(tail -n 1 <<<"$2")" "See 'juju status'."
}

# change APPLICATION ANSWER
change() {
  local option others
  if IFS=$'\t' read -r option others < <(options unknown "$1" "$NOTES" <<<"$2"); then
    die "The application $1 has no option '$option'" "Mend 'applications' in lab.yaml. It has: $others."
  fi
  # Before the change, so that an attempt that is cut short cannot take its own value for the old one.
  options note "$1" "$NOTES" <<<"$2"
  remember settling yes
  set_options "$1" "$2"
  local names said
  if names=$(options reset "$1" "$NOTES" <<<"$2"); then
    note "+ juju config $1 --reset $names"
    said=$(juju 60 config --model "$MODEL" "$1" --reset "$names" 2>&1) || refused "$1" "$said"
  fi
  options settle "$1" "$NOTES" <<<"$2"
}

# As a file: a value may be long, and arguments of a command are for everybody's eyes. Juju's confinement lets it
# read this place.
set_options() (
  umask 077
  mkdir -p "$HOME/snap/juju/common"
  rm -f "$HOME"/snap/juju/common/options.?????? # of an attempt that was killed
  file=$(mktemp "$HOME/snap/juju/common/options.XXXXXX")
  trap 'rm -f "$file"' EXIT
  options file "$1" "$NOTES" <<<"$2" >"$file" || return 0
  note "+ juju config $1 --file ..."
  said=$(juju 60 config --model "$MODEL" "$1" --file "$file" 2>&1) || refused "$1" "$said"
)

# refused APPLICATION TEXT
refused() {
  case $2 in
    *"unknown option"* | *"expected "* | *"invalid value"*)
      die "Juju does not take the options of $1: $(tail -n 1 <<<"$2")" "Mend 'applications' in lab.yaml; 'juju config $1' shows all options."
      ;;
  esac
  try_later "'juju config $1' failed: $(tail -n 1 <<<"$2")" "See 'juju status'."
}

dispatch "$@"
