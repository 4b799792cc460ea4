#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# watch --growth on a live program whose map grows again and again (cases/clean_growing.go): every growth with its begin, its
# end, its sizes, who paid and which iteration was open; at a small budget less is seen, and nothing of it is wrong.
#
# usage: tests/e2e/growth.sh      half a minute
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

growth_versions=(1.19-stripped 1.23 1.24-stripped 1.27-stripped)
growth_bound=5 # seconds in which the map has grown from nothing to its size, with an iteration open, several times

# What is true of every growth, seen whole or in part. There is one at least. A goroutine that began it and, when another one had
# taken its place in the table, went on with it is there twice, with two stacks.
growth_sound='.growths | map(select(.map.type == "map[int]int")) | length > 0 and all(.[];
	([.payers[].steps] | add // 0) as $told
	| .steps >= $told and (.steps == $told or (.payers | length) == 8)
	and ([.payers[] | [.access.goroutine, (.access.stack[] | .function, .line)]] | length == (unique | length))
	and (.payers | if . == [] then true elif .[0].ns == 0 then (map(-.steps) | . == sort) else true end)
	and all(.payers[]; .access.op == "write" and any(.access.stack[]; .function == "main.(*shelf).put"))
	and all(.iterators[]; any(.access.stack[]; .function == "main.(*shelf).walk"))
	and (.from == null or .to == null or .to == 2 * .from)
	and (.began_s == null or .ended_s == null or (.began_s <= .ended_s and .busy_ns <= (.ended_s - .began_s) * 1e9 + 1000)))'

# One generation of the map: 32, 64, 128 ... in this order, each seen from begin to end; in a classic map each old
# bucket is looked at by somebody. More goroutines pay than the one that lives on, and an iteration is open.
growth_whole='(.growths | map(select(.map.type == "map[int]int" and .began_s and .ended_s)) | group_by(.map.addr)) as $maps
	| any($maps[]; (sort_by(.began_s) | map(select(.kind == "double") | .to) | tostring | test("32,64,128,256,512"))
		and ([.[].payers[].access.goroutine] | unique | length) > 2)
	and any($maps[][]; .iterators | length > 0)
	and all($maps[][]; .unit == "slots" or (.steps >= .from and .steps <= 4 * .from + 16))
	and .stats.growth_steps_unpaired <= 1 and .stats.growths_replaced == 0 and (.growths | length) < 400'

growth_of() # BUILD OPTION...
{
	local build=$1 status=0
	shift
	fresh_work growth
	build_case "$build" clean_growing
	start_target "$e2e_build/$build/clean_growing" $((growth_bound + 20)) || { why="the program did not start" && return 1; }
	"$maprace" watch --growth -p "$target" -d "$growth_bound" -o "$work/out.json" -o "$work/out.html" "$@" \
		>"$work/stdout" 2>"$work/stderr" || status=$?
	why="the program did not end unharmed"
	stop_target || return 1
	why="status $status"
	((status == 0)) || return 1
	why="what is said of a growth is not true"
	jq -e "$growth_sound" "$work/out.json" >/dev/null || return 1
	why="something was lost"
	jq -e '.stats.growth_events_lost == 0 and .stats.bad_events == 0' "$work/out.json" >/dev/null
}

growth_all()
{
	local build why
	for build in "${growth_versions[@]}"; do
		if growth_of "$build" --budget 100 && why="no growth seen whole" && jq -e "$growth_whole" "$work/out.json" >/dev/null &&
			why="the text has none" && grep -q '^MAP GROWTH: [1-9]' "$work/stdout" &&
			why="the page has none" && grep -q 'id=growth' "$work/out.html"; then
			pass "growth: $build, $(jq '.growths | length' "$work/out.json") seen"
		else
			fail "growth: $build" "$why"
			cleanup
		fi
	done
	# a growth whose end no probe saw is under way until another map's takes its place, which is counted
	if growth_of 1.24-stripped --budget 1; then
		pass "growth: 1.24-stripped at a budget of 1 %, $(jq '.growths | length' "$work/out.json") seen"
	else
		fail "growth: 1.24-stripped at a budget of 1 %" "$why"
		cleanup
	fi
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	growth_all
	finish
fi
