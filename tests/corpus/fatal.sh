#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Whom does evidence `fatal` name? Each program of tests/corpus/fatal is run until the runtime's own check has ended it so many times;
# its source says who is innocent (WRONG). Counts how often nobody else was named, and how often the other was: with its line, without,
# and wrongly, which must not be.
#
# usage: tests/corpus/fatal.sh [--go VERSION]... [--budget PERCENT]... [--crashes N] [--jobs N] [PROGRAM...]
# Prints a table and writes build/corpus/fatals.tsv (FATALS: another file). Status 1: somebody innocent was named.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/../.." && pwd)/build/corpus
# shellcheck disable=SC2034 # for the library: where programs are built
E2E_BUILD=$out
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"
versions=() budgets=() programs=() crashes=10 jobs=2
while (($#)); do
	case $1 in
	--go) versions+=("$2") ;;
	--budget) budgets+=("$2") ;;
	--crashes) crashes=$2 ;;
	--jobs) jobs=$2 ;;
	-*)
		sed -n '/^# usage/,/^set/p' "$0" | sed '$d; s/^# //' >&2
		exit 2
		;;
	*)
		programs+=("$1")
		shift
		continue
		;;
	esac
	shift 2
done
((${#versions[@]})) || versions=(1.19 1.23 1.24 1.27)
((${#budgets[@]})) || budgets=(5 100)
((${#programs[@]})) || for source in "$here"/fatal/*.go; do programs+=("$(basename "$source" .go)"); done
rows=${FATALS:-$out/fatals.tsv}
mkdir -p "$out/fatals"

# once VERSION BUDGET PROGRAM TURN: appends what was told of the crash, or that there was none
once()
{
	local log=$out/fatals/$$-$1-$2-$3-$4 wrong said
	wrong=$(sed -n 's,^// WRONG ,,p' "$here/fatal/$3.go")
	# shellcheck disable=SC2154 # the library's
	"$maprace" watch -q --budget "$2" -d 45 -o "$log.json" -- "$out/$1/$3" >"$log" 2>&1 || true
	if ! grep -aqs '^fatal error: .*concurrent map' "$log"; then
		said=$'none\tsurvived'
	elif said=$(jq -r --arg file "$3.go" --arg wrong "$wrong" -f "$here/fatal.jq" "$log.json") && [[ -z $said ]]; then
		said=$'none\tuntold'
	fi
	awk -v row="$1\t$2\t$3\t$4\t" '{ print row $0 }' <<<"$said" >>"$rows"
	[[ $said == *WRONG* ]] || rm -f "$log" "$log.json"
}

: >"$rows"
for version in "${versions[@]}"; do
	for program in "${programs[@]}"; do
		# the check that finds this damage is of these versions
		! grep -q '^// DAMAGES' "$here/fatal/$program.go" || [[ $version == 1.2[456] ]] || continue
		build_program "$version" "$here/fatal/$program.go"
		for budget in "${budgets[@]}"; do
			for ((turn = 0; turn < crashes; turn++)); do
				while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
				once "$version" "$budget" "$program" "$turn" &
			done
		done
	done
done
wait
awk -F'\t' '
	{ key = sprintf("%-5s %6s %-13s", $1, $2, $3); run = key SUBSEP $4 }
	!(key in seen) { seen[key] = 1; order[++n] = key }
	!(run in runs) { runs[run] = 1; if ($6 == "survived") survived[key]++; else crashed[key]++ }
	$6 == "untold" { untold[key]++ }
	$5 == "map" { map[key]++ }
	$5 == "damage" { damage[key]++ }
	$5 == "pair" && $7 == "line" { line[key]++ }
	$5 == "pair" && $7 != "line" { goroutine[key]++ }
	$9 == "WRONG" { wrong[key]++ }
	END {
		printf "%-5s %6s %-13s %7s %8s %6s %6s %9s %9s %6s %6s\n", "go", "budget", "program", "crashes", "survived", "untold",
			"nobody", "goroutine", "and line", "damage", "wrong"
		for (i = 1; i <= n; i++) {
			k = order[i]
			printf "%s %7d %8d %6d %6d %9d %9d %6d %6d\n", k, crashed[k], survived[k], untold[k], map[k], goroutine[k], line[k],
				damage[k], wrong[k]
			c += crashed[k]; w += wrong[k]
		}
		printf "%d crashes, %d with a wrong name\n", c, w
		exit w > 0
	}' "$rows"
