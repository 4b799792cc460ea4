#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The scoreboard: small services with the map races that people really write, and the same services put right. What is expected
# is in a program's name: racy_ is to be proved, clean_ never. A racy one is run under maprace until a race is proved or the time is
# over; then as long alone, to see what Go's own check says; then, built with -race, until the race detector speaks. A
# clean one is run under maprace for the whole time.
#
# usage: tests/corpus/run.sh [--go VERSION]... [--rate RATE]... [--build plain|stripped]... [--seconds N] [--clean-seconds N] [--only PATTERN]
#                            [--with OPTION]... [--jobs N] [--jobs-clean N] [--no-race] [--clean-cases] [--again] [--table FILE]
#   rates: tight 1ms 100ms once fresh (see pace.go); all but fresh when none is named
#   --jobs: how many runs at once where programs hardly use a CPU (100ms, once, fresh), 4; the others run alone. --jobs-clean: of clean
#   programs, at any rate: in a crowd their timing is only odder
#   --again: what is known to be found is tried twice
#   --clean-cases: tests/e2e/cases/clean_*.go as well, as fast as they can
#   --table: puts the summary into this Markdown file (docs/accuracy.md), between its lines <!-- scoreboard --> and <!-- end -->
# Prints a table and writes build/corpus/scores.jsonl. Status 1 when a clean program was reported, or a racy one missed that
# tests/corpus/found.tsv says was found.
set -euo pipefail
shopt -s extglob # for --only

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/../.." && pwd)/build/corpus
# shellcheck disable=SC2034 # for the library: where programs are built
E2E_BUILD=$out
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"
# shellcheck source=tests/corpus/table.sh
. "$here/table.sh"
versions=() rates=() builds=() with=() seconds=20 clean_seconds='' only='*' jobs=4 jobs_clean=1 race=yes cases='' again='' table=''
while (($#)); do
	case $1 in
	--no-race | --clean-cases | --again)
		case $1 in
		--no-race) race='' ;;
		--again) again=yes ;;
		*) cases=yes ;;
		esac
		shift
		continue
		;;
	--go) versions+=("$2") ;;
	--rate) rates+=("$2") ;;
	--build) builds+=("$2") ;;
	--seconds) seconds=$2 ;;
	--clean-seconds) clean_seconds=$2 ;;
	--only) only=$2 ;;
	--with) with+=("$2") ;;
	--jobs) jobs=$2 ;;
	--jobs-clean) jobs_clean=$2 ;;
	--table) table=$2 ;;
	*)
		sed -n '/^# usage/,/^set/p' "$0" | sed '$d; s/^# //' >&2
		exit 2
		;;
	esac
	shift 2
done
((${#versions[@]})) || versions=(1.19 1.23 1.24 1.27)
((${#rates[@]})) || rates=(tight 1ms 100ms once)
((${#builds[@]})) || builds=(stripped)
mkdir -p "$out/rows"
rm -f "$out"/rows/*

expected_found() # NAME VERSION RATE
{
	awk -v name="$1" -v version="$2" -v rate="$3" '$1 == name && $2 == version && $3 == rate { found = 1 } END { exit !found }' \
		"$here/found.tsv"
}

# since MICROSECONDS: seconds from then to now
since()
{
	awk -v us=$((${EPOCHREALTIME/./} - $1)) 'BEGIN { printf "%.2f", us / 1e6 }'
}

# says_within SECONDS PATTERN COMMAND...: after how many seconds the command, which is ended when the time is over, had said so;
# nothing when it did not
says_within()
{
	local limit=$1 pattern=$2 began=${EPOCHREALTIME/./} log
	shift 2
	log=$(mktemp -p "$out/rows")
	timeout -k 1 "$limit" "$@" >"$log" 2>&1 || true
	! grep -q "$pattern" "$log" || since "$began"
	rm -f "$log"
}

# row VERSION BUILD NAME RATE
row()
{
	local binary=$out/$1-$2/$3 row=$out/rows/$3-$1-$2-$4 status=0 proofs verdict own='' detector='' began took args
	local seconds=$seconds
	[[ $3 != clean_* || -z $clean_seconds ]] || seconds=$clean_seconds
	local options=("${with[@]}")
	args=("$4" "$seconds")
	[[ $4 != tilt ]] || args=("$seconds")
	# its subject, so that it is to be seen
	[[ $3 != *_growth_iterate ]] || options+=(--growth)
	export CORPUS_PLUGIN=$out/$1-plugin/handlers
	# that all goroutines stay on one P for a whole run, where nobody meets anybody, was seen once
	for _ in 1 2; do
		began=${EPOCHREALTIME/./} status=0
		timeout -k 5 $((seconds + 30)) "$maprace" watch -q --halt-on-race "${options[@]}" -d "$seconds" -o "$row.json" -- "$binary" "${args[@]}" \
			>"$row.log" 2>&1 || status=$?
		took=$(since "$began")
		proofs=$(jq '[.races[] | select(.evidence != "window")] | length' "$row.json" 2>/dev/null || echo '?')
		if [[ -z $again || $proofs != 0 || $3 != racy_* ]] || ! expected_found "$3" "$1" "$4"; then break; fi
	done
	case $3:$proofs in
	*:'?') verdict='FAILED: no document' ;;
	clean_*:0) verdict=silent ;;
	clean_*) verdict='FAILED: false proof' ;;
	*:0) verdict=missed && ! expected_found "$3" "$1" "$4" || verdict='FAILED: it was found before' ;;
	*) verdict=found ;;
	esac
	# the plugin's code has probes of its own
	if [[ $3 == *_plugin_* ]] && ! jq -e '.stats.plugins_unwatched == 0' "$row.json" >/dev/null; then
		verdict='FAILED: the plugin was not watched'
	fi
	if [[ $3 == clean_growth_iterate && $verdict == silent ]] &&
		! jq -e 'any(.growths[]; .began_s and .ended_s and (.payers | length) > 0)' "$row.json" >/dev/null; then
		verdict='FAILED: no map was seen growing'
	fi
	if [[ $3 == racy_* ]]; then
		own=$(says_within "$took" '^fatal error: concurrent map' "$binary" "${args[@]}")
		[[ ! -x $out/$1-race/$3 ]] || detector=$(GORACE=halt_on_error=1 says_within "$seconds" '^WARNING: DATA RACE' "$out/$1-race/$3" "${args[@]}")
	fi
	[[ -s $row.json ]] || echo '{}' >"$row.json"
	jq -c --arg name "$3" --arg go "$1" --arg build "$2" --arg rate "$4" --arg verdict "$verdict" --arg own "$own" --arg detector "$detector" \
		--argjson seconds "$took" --argjson race "$([[ -n $race && -x $out/$1-race/$3 ]] && echo true || echo false)" --argjson status "$status" \
		'[.races[]? | select(.evidence != "window")] as $proved
		| {name: $name, go: $go, build: $build, rate: $rate, verdict: $verdict, status: $status, seconds: $seconds, proofs: ($proved | length),
			first_s: ($proved | map(.first_seen_s) | min), evidence: ($proved | min_by(.first_seen_s) | .evidence?),
			fatal: any($proved[]; .evidence == "fatal"),
			alone_s: ($own | tonumber? // null), detector: (if $race then ($detector | tonumber? // false) else null end)}' \
		"$row.json" >"$row.score"
	row_print <"$row.score"
}

build_all() # VERSION SOURCE [BESIDE]: false where that Go cannot
{
	local build min name plugin
	name=$(basename "$2" .go)
	min=$(sed -n 's|^// MIN-GO ||p' "$2")
	if [[ -n $min && $(printf '%s\n' "$min" "$1" | sort -V | head -n 1) != "$min" ]]; then
		printf '%-24s %-5s needs Go %s\n' "$name" "$1" "$min"
		return 1
	fi
	for build in "${builds[@]}"; do
		build_program "$1-$build" "$2" "$3"
	done
	plugin=$(sed -n 's|^// PLUGIN ||p' "$2")
	[[ -z $plugin ]] || build_program "$1-plugin" "$here/plugins/$plugin.go"
	[[ -z $race || $name == clean_* || -n $plugin ]] || build_program "$1-race" "$2" "$3"
}

# start VERSION BUILD NAME RATE: a row, alone or beside others
start()
{
	local limit=1
	[[ $4 != 100ms && $4 != once && $4 != fresh ]] || limit=$jobs
	[[ $3 != clean_* ]] || ((limit >= jobs_clean)) || limit=$jobs_clean
	while (($(jobs -rp | wc -l) >= limit)); do wait -n || true; done
	row "$@" &
}

row_head
for version in "${versions[@]}"; do
	names=()
	for source in "$here"/racy_$only.go "$here"/clean_$only.go; do
		[[ ! -e $source ]] || ! build_all "$version" "$source" "$here/pace.go" || names+=("$(basename "$source" .go)")
	done
	for rate in "${rates[@]}"; do
		wait
		for name in "${names[@]}"; do
			for build in "${builds[@]}"; do
				start "$version" "$build" "$name" "$rate"
			done
		done
	done
	wait
	[[ -n $cases ]] || continue
	for source in "$e2e_dir"/cases/clean_$only.go; do
		build_all "$version" "$source" "$e2e_dir/cases/harness.go" || continue
		for build in "${builds[@]}"; do
			start "$version" "$build" "$(basename "$source" .go)" tilt
		done
	done
done
wait
cat "$out"/rows/*.score >"$out/scores.jsonl"
[[ -z $table ]] || table_into "$table" <"$out/scores.jsonl"
jq -rs '([.[] | select(.verdict | startswith("FAILED"))] | length) as $failed | ([.[] | select(.verdict == "missed")] | length) as $missed
	| ([.[] | select(.name | startswith("clean_")) | .seconds] | add // 0 | . / 60 | floor) as $minutes
	| "clean programs watched for \($minutes) min, \($missed) races missed that nobody has found yet",
		"\(length - $failed - $missed) passed, \($failed) failed"' "$out/scores.jsonl"
jq -es 'length > 0 and all(.[]; .verdict | startswith("FAILED") | not)' "$out/scores.jsonl" >/dev/null
