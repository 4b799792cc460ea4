#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A short run of each fuzzer, as many at once as there are CPUs, from the seeds in tests/fuzz/seeds/NAME/ and those that an executable
# tests/fuzz/seeds/NAME.sh writes into the directory given to it (from build/fixtures, say).
# usage: FUZZ_SECONDS=10 scripts/fuzz.sh PROGRAM...
set -euo pipefail

(($#)) || { echo "fuzz.sh: no fuzzers" >&2 && exit 1; }
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=${FUZZ_SECONDS:-10}
work=$top/build/fuzz/work
passed=0

# one PROGRAM: says how it went, and leaves the file result where it went well
one()
{
	local name=${1##*/fuzz_} status=0 runs dirs
	local here=$work/$name
	local log=$here/log
	mkdir -p "$here/corpus" "$here/seeds" "$here/found"
	rm -f "$here/result"
	dirs=("$here/corpus")
	[[ ! -d $top/tests/fuzz/seeds/$name ]] || dirs+=("$top/tests/fuzz/seeds/$name")
	if [[ -x $top/tests/fuzz/seeds/$name.sh ]]; then
		"$top/tests/fuzz/seeds/$name.sh" "$here/seeds"
		dirs+=("$here/seeds")
	fi
	"$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3000 -malloc_limit_mb=1500 \
		-print_final_stats=1 -artifact_prefix="$here/found/" "${dirs[@]}" >"$log" 2>&1 || status=$?
	runs=$(awk '$1 == "stat::number_of_executed_units:" { n = $2 } END { print n + 0 }' "$log")
	if ((status || runs == 0)); then
		tail -n 60 "$log"
		echo "  FAIL   $1 (exit status $status; the input is in $here/found/)"
		return 1
	fi
	printf '  FUZZ   %s: %d inputs in %d s\n' "$name" "$runs" "$seconds"
	touch "$here/result"
}

for program in "$@"; do
	while (($(jobs -rp | wc -l) >= $(nproc))); do wait -n || true; done
	one "$program" &
done
wait
for program in "$@"; do
	[[ ! -e $work/${program##*/fuzz_}/result ]] || passed=$((passed + 1))
done
echo "$passed passed, $(($# - passed)) failed"
((passed == $#))
