#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Does watching make the crash likelier where goroutines are asked to stop all the time? tests/bench/stops.go, unwatched and attached
# to at the default budget, in turn: how many runs of 3 s died of Go's own check, in how many the race was proved (by a hold, a
# writer met inside, or the check itself), and the ratio of the two rates of dying with its 95 % interval (of the logarithm, with
# half a death added to both). A run that died before maprace was attached to it is made again: nothing watched it.
#
# usage: tests/corpus/stops.sh [--go VERSION]... [--load stw|gc|gomaxprocs|line]... [--runs N] [--seconds N] [--jobs N] [-- WATCH OPTIONS]
# Prints a table and writes build/corpus/stops.jsonl. Status 1 where a ratio's whole interval is above 1, or a race was never proved.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/../.." && pwd)/build/corpus
# shellcheck disable=SC2034 # for the library: where programs are built
E2E_BUILD=$out
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"
versions=() loads=() runs=30 seconds=3 jobs=2
while (($#)); do
	case $1 in
	--go) versions+=("$2") ;;
	--load) loads+=("$2") ;;
	--runs) runs=$2 ;;
	--seconds) seconds=$2 ;;
	--jobs) jobs=$2 ;;
	--)
		shift
		break
		;;
	*)
		sed -n '/^# usage/,/^set/p' "$0" | sed '$d; s/^# //' >&2
		exit 2
		;;
	esac
	shift 2
done
options=("$@")
((${#versions[@]})) || versions=(1.19 1.24 1.26 1.27)
((${#loads[@]})) || loads=(stw gc gomaxprocs line)
mkdir -p "$out/stops"

# once VERSION LOAD HOW TURN: how the program, which would run for longer, was after so many seconds
once()
{
	local log=$out/stops/$1-$2-$3-$4 pid i died=false proved=false
	rm -f "$log"*
	GOGC=$([[ $2 != gc ]] && echo 100 || echo 20) "$out/$1-stripped/stops" "$2" $((seconds + 20)) >"$log" 2>&1 &
	pid=$!
	for ((i = 0; i < 500; i++)); do
		! grep -qs ready "$log" || break
		sleep 0.01
	done
	if [[ $3 == watched ]]; then
		# shellcheck disable=SC2154 # the library's
		"$maprace" watch -q -p "$pid" -d "$seconds" -o "$log.json" "${options[@]}" >"$log.report" 2>&1 || true
	else
		for ((i = 0; i < seconds * 20; i++)); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.05
		done
	fi
	kill -9 "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	! grep -q '^fatal error: concurrent map' "$log" || died=true
	if [[ $3 == watched && ! -s $log.json ]] && grep -q 'ended while maprace attached\|no process has the id' "$log.report"; then
		once "$@"
		return
	fi
	[[ ! -s $log.json ]] || proved=$(jq '.races | length > 0' "$log.json")
	printf '{"go": "%s", "load": "%s", "how": "%s", "died": %s, "proved": %s}\n' "$1" "$2" "$3" "$died" "$proved" >>"$out/stops.jsonl"
}

: >"$out/stops.jsonl"
for version in "${versions[@]}"; do
	build_program "$version-stripped" "$here/../bench/stops.go"
	for load in "${loads[@]}"; do
		for ((turn = 0; turn < runs; turn++)); do
			for how in unwatched watched; do
				while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
				once "$version" "$load" "$how" "$turn" &
			done
		done
		wait
	done
done
printf '%-5s %-10s %14s %14s %8s  %s\n' go load unwatched watched proved 'ratio (95 %)'
jq -rs 'group_by([.go, .load])[] | . as $rows
	| def of($how): [$rows[] | select(.how == $how)] | {n: length, died: (map(select(.died)) | length), proved: (map(select(.proved)) | length)};
	of("unwatched") as $plain | of("watched") as $it
	| (($it.died + 0.5) / ($it.n + 1)) as $a | (($plain.died + 0.5) / ($plain.n + 1)) as $b
	| (1.96 * ((1 / ($it.died + 0.5) - 1 / ($it.n + 1) + 1 / ($plain.died + 0.5) - 1 / ($plain.n + 1)) | sqrt) | exp) as $spread
	| [$rows[0].go, $rows[0].load, "\($plain.died) of \($plain.n)", "\($it.died) of \($it.n)", $it.proved, $a / $b, $a / $b / $spread, $a / $b * $spread]
	| @tsv' "$out/stops.jsonl" | awk -F'\t' '
	{ printf "%-5s %-10s %14s %14s %8d  %.2f (%.2f to %.2f)\n", $1, $2, $3, $4, $5, $6, $7, $8; bad = bad || $7 > 1 || !$5 }
	END { exit bad }'
