#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# clang-tidy with the compiler's flags. What it has found clean it is not asked about again, as long as nothing that it sees of it
# has changed: build/tidy keeps the marks. usage: scripts/tidy.sh FLAG... --sources FILE...
set -euo pipefail

flags=()
while [[ $1 != --sources ]]; do
	flags+=("$1")
	shift
done
shift
flags+=(-std=gnu17 -Wall -Wextra -Ibpf -Itests/unit -Itests/unit/bpf_shim)
clean=build/tidy
mkdir -p "$clean"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# comments too, for they tell clang-tidy what to overlook
mark_of()
{
	{
		clang-tidy --version
		echo "${flags[@]}"
		cat .clang-tidy scripts/tidy.sh
		clang -E -C "${flags[@]}" "$1"
	} | sha256sum | cut -d ' ' -f 1
}

failed=0
for source; do
	mark=$clean/$(mark_of "$source")
	[[ ! -e $mark ]] || continue
	# it counts the warnings of system headers that it does not show: keep those lines away, but not an error's
	if clang-tidy --quiet "$source" -- "${flags[@]}" 2>"$log"; then
		touch "$mark"
	else
		failed=1
	fi
	grep -vE '^[0-9]+ (warnings?|errors?).* generated|^Suppressed|^Use -header-filter' "$log" >&2 || true
done
exit "$failed"
