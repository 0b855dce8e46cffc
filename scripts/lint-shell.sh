#!/usr/bin/env bash
# Holds every shell script of the repository against shellcheck and shfmt.
set -euo pipefail

cd "$(dirname "$0")/.."
# By their first line, not by their names: hooks and wrappers of the snaps have no ending.
scripts=()
while IFS= read -r -d '' file; do
  first=
  [ ! -f "$file" ] || IFS= read -r first <"$file" || true
  [[ ! $first =~ ^#!.*(bash|/sh)$ ]] || scripts+=("$file")
done < <(git ls-files -z)
shellcheck --external-sources "${scripts[@]}"
shfmt -i 2 -ci -d "${scripts[@]}"
printf '%d shell scripts are in order\n' "${#scripts[@]}"
