#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# clang-tidy with the compiler's flags. usage: scripts/tidy.sh FLAG... --sources FILE...
set -euo pipefail

flags=()
while [[ $1 != --sources ]]; do
	flags+=("$1")
	shift
done
shift
# it counts the warnings of system headers that it does not show: keep those lines away, but not an error's
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
clang-tidy --quiet "$@" -- "${flags[@]}" -std=gnu17 -Wall -Wextra -Ibpf -Itests/unit -Itests/unit/bpf_shim 2>"$log" || status=$?
grep -vE '^[0-9]+ (warnings?|errors?).* generated|^Suppressed|^Use -header-filter' "$log" >&2 || true
exit "$status"
