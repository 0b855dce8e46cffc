# shellcheck shell=bash
# Every fake program keeps its state in files below $FAKE and notes each call.
set -euo pipefail
name=${0##*/}
printf '%s\n' "$name $*" >>"$FAKE/calls"

# refuse WHY: a call that the real program would not take, or that no test foresees.
refuse() {
  printf '%s: %s\n' "$name" "$1" >>"$FAKE/refused"
  printf '%s: %s\n' "$name" "$1" >&2
  exit 99
}

is() { [ -e "$FAKE/$1" ]; }
get() { [ ! -e "$FAKE/$1" ] || printf '%s\n' "$(<"$FAKE/$1")"; }
put() {
  [ -d "$FAKE/${1%/*}" ] || [[ $1 != */* ]] || mkdir -p "$FAKE/${1%/*}"
  printf '%s\n' "$2" >"$FAKE/$1"
}
# once NAME: true the first N times, N being what is in the file.
once() {
  local left
  left=$(get "$1")
  [ "${left:-0}" -gt 0 ] || return 1
  put "$1" $((left - 1))
}
# Nobody may be asked anything: standard input must be at its end.
no_input() {
  if IFS= read -r -t 5 _ || [ $? -gt 128 ]; then refuse "standard input is open"; fi
}
