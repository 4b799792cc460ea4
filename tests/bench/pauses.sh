#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What holds do to the collector's pauses: tests/bench/pauses.go alone, and watched with the options given, in turn.
#
# usage: tests/bench/pauses.sh [--go VERSION]... [--rounds N] [--seconds N] [-- WATCH OPTIONS]
# Prints a line for each run and one for each version: the medians of the rounds, alone and watched.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/../.." && pwd)/build/bench/pauses
# shellcheck disable=SC2034 # for the library: where programs are built
E2E_BUILD=$out
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"
versions=() rounds=3 seconds=10
while (($#)); do
	case $1 in
	--go) versions+=("$2") ;;
	--rounds) rounds=$2 ;;
	--seconds) seconds=$2 ;;
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
((${#versions[@]})) || versions=(1.24 1.27) # the metric is there since 1.22

once() # VERSION HOW
{
	local watcher=''
	fresh_work pauses
	guard '' # takes as long as it is told to
	start_target "$out/$1-stripped/pauses" "$seconds"
	if [[ $2 == watched ]]; then
		# shellcheck disable=SC2154 # the library's
		"$maprace" watch -q -p "$target" "${options[@]}" -o "$out/$1.json" &
		watcher=$!
	fi
	wait "$target"
	target=
	[[ -z $watcher ]] || wait "$watcher" || true
	jq -c --arg go "$1" --arg how "$2" 'select(type == "object") | {go: $go, how: $how} + .' < <(grep '^{' "$work/target") | tee -a "$out/runs.jsonl"
}

options=("$@")
mkdir -p "$out"
: >"$out/runs.jsonl"
for version in "${versions[@]}"; do
	build_program "$version-stripped" "$here/pauses.go"
	for ((round = 1; round <= rounds; round++)); do
		once "$version" alone
		once "$version" watched
	done
done
jq -rs 'def median: sort | .[length / 2 | floor];
	group_by(.go)[] | .[0].go as $go | group_by(.how)[] |
	"Go \($go) \(.[0].how): p50 \(map(.p50_us) | median) us, p99 \(map(.p99_us) | median) us, p99.9 \(map(.p999_us) | median) us, of \(map(.pauses) | add) pauses"' \
	"$out/runs.jsonl"
