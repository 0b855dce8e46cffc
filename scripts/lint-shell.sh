#!/usr/bin/env bash
# Holds every shell script of the repository against shellcheck and shfmt.
set -euo pipefail

cd "$(dirname "$0")/.."
# By what they are, not by their names: hooks and wrappers of the snaps have no ending.
mapfile -t scripts < <(git ls-files -z | xargs -0 grep -lIE --max-count=1 '^#!(/usr/bin/env bash|/bin/bash|/bin/sh)' | sort)
shellcheck --external-sources "${scripts[@]}"
shfmt -i 2 -ci -d "${scripts[@]}"
printf '%d shell scripts are in order\n' "${#scripts[@]}"
