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

# Comments too, for they tell clang-tidy what to overlook; not the version, which is another one at each commit.
mark_of()
{
	local sees=("${flags[@]/#-DMAPRACE_VERSION=*/-DMAPRACE_VERSION=\"\"}")
	{
		clang-tidy --version
		echo "${sees[@]}"
		cat .clang-tidy scripts/tidy.sh
		clang -E -C "${sees[@]}" "$1"
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
