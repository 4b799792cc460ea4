#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What is found against what it costs: the racy services of the corpus, started by maprace, at several --slowdown factors; beside them
# Go's race detector.
#
# usage: tests/bench/detect.sh [--go VERSION]... [--rate RATE]... [--slowdown FACTOR]... [--runs N] [--seconds N] [--only PATTERN] [--state]
#   --state: what a run has learnt of call sites is there for the next one, of the same rate and factor
#   rates: once 100ms fresh (tests/corpus/pace.go); fresh is for the services that work on a new map each turn
# Prints for each rate and factor how many of (program, Go version) were found in one run (the mean of all) and within all of them, and
# the median of the seconds to the first proof. build/bench/detect.jsonl has each run. Hours for all of it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
versions=() rates=() factors=() runs=3 seconds=20 only='*' state=''
while (($#)); do
	case $1 in
	--state)
		state=yes
		shift
		continue
		;;
	--go) versions+=("$2") ;;
	--rate) rates+=("$2") ;;
	--slowdown) factors+=("$2") ;;
	--runs) runs=$2 ;;
	--seconds) seconds=$2 ;;
	--only) only=$2 ;;
	*)
		sed -n '/^# usage/,/^set/p' "$0" | sed '$d; s/^# //' >&2
		exit 2
		;;
	esac
	shift 2
done
((${#versions[@]})) || versions=(1.19 1.23 1.24 1.27)
((${#rates[@]})) || rates=(once 100ms fresh)
((${#factors[@]})) || factors=(1.05 1.2 2 5)
mkdir -p "$top/build/bench"
scores=$top/build/bench/detect.jsonl
: >"$scores"

# those that have a new map each turn, as the corpus's README says
fresh=$(sed -n 's/^| `\([a-z_]*\)` |.*/\1/p' "$top/tests/corpus/README.md" | sed -n '/^request_delete$/,$p' | paste -sd ' ')

# one FACTOR RATE RUN: a run of the corpus's racy programs, with the race detector beside the first one
one()
{
	local pattern=$only options=() version
	[[ $2 != fresh || $only != '*' ]] || pattern="@(${fresh// /|})"
	for version in "${versions[@]}"; do options+=(--go "$version"); done
	[[ -z $state ]] || options+=(--with "--state=$top/build/bench/detect-$2-$1.state")
	[[ $3 == 1 && $1 == "${factors[0]}" ]] || options+=(--no-race)
	# the status tells of what was found before, at the usual factor
	"$top/tests/corpus/run.sh" "${options[@]}" --rate "$2" --only "$pattern" --seconds "$seconds" --clean-seconds 1 --with "--slowdown=$1" >&2 || true
	jq -c --arg factor "$1" --argjson run "$3" --arg fresh " $fresh " \
		'select((.name | startswith("racy_")) and (.rate != "fresh" or (.name[5:] as $n | $fresh | contains(" \($n) "))))
			| . + {factor: $factor, run: $run}' "$top/build/corpus/scores.jsonl" >>"$scores"
}

for rate in "${rates[@]}"; do
	for factor in "${factors[@]}"; do
		rm -f "$top/build/bench/detect-$rate-$factor.state"
		for ((run = 1; run <= runs; run++)); do one "$factor" "$rate" "$run"; done
	done
done

echo "# found against slowdown: $runs runs of $seconds s each, Go ${versions[*]}; $(nproc) CPUs, Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg)"
jq -rs '
	def percent($n; $of): if $of == 0 then "-" else "\($n * 1000 / $of | round / 10)" end;
	def median: sort | if length == 0 then "-" else .[((length - 1) / 2) | floor] * 100 | round / 100 | tostring end;
	(["rate", "slowdown", "one run %", "all runs %", "proof s", "of"] | @tsv),
	(group_by([.rate, (.factor | tonumber)])[] | . as $all | (group_by([.name, .go])) as $each
		| [.[0].rate, .[0].factor, percent([$all[] | select(.proofs > 0)] | length; $all | length),
			percent([$each[] | select(any(.[]; .proofs > 0))] | length; $each | length),
			([$all[] | select(.proofs > 0) | .first_s] | median), "\($each | length) x \($all | map(.run) | unique | length)"] | @tsv),
	(map(select(.detector != null)) | group_by(.rate)[] | . as $all
		| [.[0].rate, "-race", percent([$all[] | select(.detector)] | length; $all | length), "", ([$all[] | select(.detector) | .detector] | median), "\($all | length)"] | @tsv)' \
	"$scores" | column -t -s "$(printf '\t')"
