#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Does watching make the crash likelier? A race that Go's own check catches now and then (tests/bench/rare.go, a write and a read
# about so many microseconds apart) is run unwatched, under maprace at the default budget, and at 100 percent, in turn. Fatal
# errors over the time that the programs ran, and the ratio of these rates with its 95 % confidence interval.
#
# usage: tests/corpus/crash.sh [--go VERSION]... [--apart MICROSECONDS]... [--runs N] [--seconds N] [--jobs N] [--case NAME]
#   --case NAME   a program of tests/e2e/cases in rare's place, a millisecond apart: with --seconds 2 --jobs 1 what the beginning does
# Prints a table and writes build/corpus/crashes.jsonl.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/../.." && pwd)/build/corpus
# shellcheck disable=SC2034 # for the library: where programs are built
E2E_BUILD=$out
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"
versions=() aparts=() runs=60 seconds=20 jobs=4 named=
while (($#)); do
	case $1 in
	--go) versions+=("$2") ;;
	--apart) aparts+=("$2") ;;
	--runs) runs=$2 ;;
	--seconds) seconds=$2 ;;
	--jobs) jobs=$2 ;;
	--case) named=$2 ;;
	*)
		sed -n '/^# usage/,/^set/p' "$0" | sed '$d; s/^# //' >&2
		exit 2
		;;
	esac
	shift 2
done
((${#versions[@]})) || versions=(1.19 1.24)
((${#aparts[@]})) || aparts=(1000)
mkdir -p "$out/crashes"

# once VERSION MICROSECONDS HOW TURN: appends how long it ran and whether it crashed
once()
{
	local log=$out/crashes/$1-$2-$3-$4 began=${EPOCHREALTIME/./} command took
	command=("$out/$1-stripped/rare" "$2" "$seconds")
	[[ -z $named ]] || command=("$out/$1-stripped/$named" "$seconds")
	# shellcheck disable=SC2154 # the library's
	case $3 in
	unwatched) "${command[@]}" >"$log" 2>&1 || true ;;
	*) "$maprace" watch -q --budget "${3#budget-}" -d $((seconds + 5)) -o "$log.json" -- "${command[@]}" >"$log" 2>&1 || true ;;
	esac
	took=$(awk -v us=$((${EPOCHREALTIME/./} - began)) 'BEGIN { printf "%.3f", us / 1e6 }')
	# what maprace needs to start is no time in which the program could have crashed
	[[ ! -s $log.json ]] || took=$(jq .duration_s "$log.json")
	awk -v took="$took" -v go="$1" -v apart="$2" -v how="$3" \
		-v crashed="$(grep -c '^fatal error: concurrent map' "$log")" 'BEGIN {
		printf "{\"go\": \"%s\", \"delay_us\": %d, \"how\": \"%s\", \"seconds\": %.3f, \"crashed\": %d}\n", go, apart, how, took, (crashed > 0) }' \
		>>"$out/crashes.jsonl"
	rm -f "$log" "$log.json"
}

: >"$out/crashes.jsonl"
for version in "${versions[@]}"; do
	if [[ -n $named ]]; then
		build_case "$version-stripped" "$named"
	else
		build_program "$version-stripped" "$here/../bench/rare.go"
	fi
	for apart in "${aparts[@]}"; do
		for ((turn = 0; turn < runs; turn++)); do
			for how in unwatched budget-5 budget-100; do
				while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
				once "$version" "$apart" "$how" "$turn" &
			done
		done
		wait
	done
done
printf '%-5s %8s %-11s %5s %8s %9s %9s  %s\n' go 'apart us' watched runs crashes 's in all' 'a minute' 'ratio (95 %)'
jq -rs 'group_by([.go, .delay_us])[] | . as $rows
	| def of($how): [$rows[] | select(.how == $how)] | {n: length, c: (map(.crashed) | add // 0), s: (map(.seconds) | add // 0)};
	of("unwatched") as $plain | ("unwatched", "budget-5", "budget-100") as $how | of($how) as $it
	| (if $plain.c > 0 and $it.c > 0 then ($it.c / $it.s) / ($plain.c / $plain.s) else null end) as $ratio
	| (if $ratio then 1.96 * ((1 / $it.c + 1 / $plain.c) | sqrt) | exp else null end) as $spread
	| [$rows[0].go, $rows[0].delay_us, $how, $it.n, $it.c, ($it.s | round), ($it.c / $it.s * 60),
		(if $how == "unwatched" or ($ratio | not) then "" else "\($ratio * 100 | round / 100) (\($ratio / $spread * 100 | round / 100) to \($ratio * $spread * 100 | round / 100))" end)]
	| @tsv' "$out/crashes.jsonl" | awk -F'\t' '{ printf "%-5s %8d %-11s %5d %8d %9d %9.2f  %s\n", $1, $2, $3, $4, $5, $6, $7, $8 }'
