#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The scoreboard: small services with the map races that people really write, and the same services put right. What is expected
# is in a program's name: racy_ is to be proved, clean_ never. Each is run twice: under maprace, until a race is proved or the time
# is over, and for the same time alone, to see what Go's own check says.
#
# usage: tests/corpus/run.sh [--go VERSION]... [--rate RATE]... [--seconds N] [--only PATTERN] [--with OPTION]...
#   rates: tight 1ms 100ms once (see pace.go)
# Prints a table and writes build/corpus/scores.jsonl. Status 1 when a clean program was reported, or a racy one missed that
# tests/corpus/found.tsv says was found.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/../.." && pwd)/build/corpus
# shellcheck disable=SC2034 # for the library: where programs are built
E2E_BUILD=$out
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"
versions=() rates=() with=() seconds=20 only='*'
while (($#)); do
	case $1 in
	--go) versions+=("$2") ;;
	--rate) rates+=("$2") ;;
	--seconds) seconds=$2 ;;
	--only) only=$2 ;;
	--with) with+=("$2") ;;
	*)
		sed -n '/^# usage/,/^set/p' "$0" | sed '$d; s/^# //' >&2
		exit 2
		;;
	esac
	shift 2
done
((${#versions[@]})) || versions=(1.19 1.23 1.24 1.27)
((${#rates[@]})) || rates=(tight 1ms 100ms once)
mkdir -p "$out"

# what Go's own check said: the seconds it took, or nothing
own_check() # BINARY RATE
{
	local began=${EPOCHREALTIME/./}
	"$1" "$2" "$seconds" >"$out/alone" 2>&1 || true
	! grep -q '^fatal error: concurrent map' "$out/alone" || awk -v us=$((${EPOCHREALTIME/./} - began)) 'BEGIN { printf "%.2f", us / 1e6 }'
}

expected_found() # NAME VERSION RATE
{
	awk -v name="$1" -v version="$2" -v rate="$3" '$1 == name && $2 == version && $3 == rate { found = 1 } END { exit !found }' \
		"$here/found.tsv"
}

row() # VERSION NAME RATE
{
	local binary=$out/$1-stripped/$2 json=$out/run.json status=0 proofs first check verdict
	rm -f "$json"
	timeout -k 5 $((seconds + 30)) "$maprace" watch -q --halt-on-race "${with[@]}" -d "$seconds" -o "$json" -- "$binary" "$3" "$seconds" \
		>"$out/log" 2>&1 || status=$?
	proofs=$(jq '[.races[] | select(.evidence != "window")] | length' "$json" 2>/dev/null || echo '?')
	first=$(jq -r '[.races[] | select(.evidence != "window") | .first_seen_s] | min // empty' "$json" 2>/dev/null || true)
	check=$(own_check "$binary" "$3")
	case $2:$proofs in
	*:'?') verdict='FAILED: no document' ;;
	clean_*:0) verdict=silent ;;
	clean_*) verdict='FAILED: false proof' ;;
	*:0) verdict=missed && ! expected_found "$2" "$1" "$3" || verdict='FAILED: it was found before' ;;
	*) verdict=found ;;
	esac
	[[ $verdict == FAILED* || $verdict == missed ]] || passed=$((passed + 1))
	[[ $verdict != FAILED* ]] || failed=$((failed + 1))
	printf '%-26s %-5s %-6s %-8s %8s %10s\n' "$2" "$1" "$3" "$verdict" "${first:+$(printf '%.2f' "$first")}" "${check:--}"
	jq -cn --arg name "$2" --arg go "$1" --arg rate "$3" --arg verdict "$verdict" --arg first "$first" --arg check "$check" --argjson status "$status" \
		'{name: $name, go: $go, rate: $rate, verdict: $verdict, first_s: ($first | tonumber? // null), check_s: ($check | tonumber? // null), status: $status}' \
		>>"$out/scores.jsonl"
}

: >"$out/scores.jsonl"
printf '%-26s %-5s %-6s %-8s %8s %10s\n' program go rate verdict 'proof s' 'own check'
for version in "${versions[@]}"; do
	for source in "$here"/racy_$only.go "$here"/clean_$only.go; do
		[[ -e $source ]] || continue
		name=$(basename "$source" .go)
		build_program "$version-stripped" "$source" "$here/pace.go"
		for rate in "${rates[@]}"; do
			row "$version" "$name" "$rate"
		done
	done
done
missed=$(jq -s '[.[] | select(.verdict == "missed")] | length' "$out/scores.jsonl")
echo "$passed passed, $failed failed, $missed missed"
((failed == 0 && passed > 0))
