#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A short run of each fuzzer, from the seeds in tests/fuzz/seeds/NAME/ and those that an executable
# tests/fuzz/seeds/NAME.sh writes into the directory given to it (from build/fixtures, say).
# usage: FUZZ_SECONDS=10 scripts/fuzz.sh PROGRAM...
set -euo pipefail

(($#)) || { echo "fuzz.sh: no fuzzers" >&2 && exit 1; }
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=${FUZZ_SECONDS:-10}
passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

for program in "$@"; do
	name=${program##*/fuzz_}
	work=$top/build/fuzz/work/$name
	mkdir -p "$work/corpus" "$work/seeds" "$work/found"
	dirs=("$work/corpus")
	[[ ! -d $top/tests/fuzz/seeds/$name ]] || dirs+=("$top/tests/fuzz/seeds/$name")
	if [[ -x $top/tests/fuzz/seeds/$name.sh ]]; then
		"$top/tests/fuzz/seeds/$name.sh" "$work/seeds"
		dirs+=("$work/seeds")
	fi
	status=0
	"$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3000 -malloc_limit_mb=1500 \
		-print_final_stats=1 -artifact_prefix="$work/found/" "${dirs[@]}" >"$log" 2>&1 || status=$?
	runs=$(awk '$1 == "stat::number_of_executed_units:" { n = $2 } END { print n + 0 }' "$log")
	if ((status || runs == 0)); then
		failed=$((failed + 1))
		tail -n 60 "$log"
		echo "  FAIL   $program (exit status $status; the input is in $work/found/)"
		break
	fi
	passed=$((passed + 1))
	printf '  FUZZ   %s: %d inputs in %d s\n' "$name" "$runs" "$seconds"
done
echo "$passed passed, $failed failed"
((!failed))
