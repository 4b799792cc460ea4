#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What maprace says of maps that never collided: a locked one becomes `ordered`, a racy one never does, also where it cannot
# be proved (one P, one CPU).
#
# usage: tests/e2e/verdicts.sh [--all]      --all: 8 locked and 20 racy runs, about 4 minutes; otherwise 2 and 4, half a minute
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

verdict_bound=10 # seconds in which a contended locked map has to become ordered
verdict_racy=(race_read_write race_two_locks race_rlock_write race_delete_write race_double_checked)

# verdict_of_run SECONDS BUILD CASE COMMAND...: watches the case, started by COMMAND; sets verdicts to one line a map.
# A racy program may die of its race before anything is attached: then again.
verdict_of_run()
{
	for _ in 1 2 3; do
		why=''
		verdict_of_one_run "$@" && return
		[[ $3 == race_* ]] && grep -qs '^fatal error: concurrent map' "$work/target" || return 1
	done
	return 1
}

verdict_of_one_run()
{
	local seconds=$1 program=$e2e_build/$2/$3
	shift 3
	fresh_work "verdict"
	start_target "$@" "${calm[@]}" "$program" $((seconds + 20)) || { why="the program did not start" && return 1; }
	"${calm[@]}" "$maprace" watch -q --suspects -p "$target" -d "$seconds" -o "$work/out.json" >"$work/stdout" 2>"$work/stderr" || true
	stop_target || true # a racy one may have died
	[[ -s $work/out.json ]] || { why="no document" && return 1; }
	why="what is proved is among the suspects"
	jq -e '[.races[].id] as $proved | all(.suspects[]; .id as $id | $proved | index($id) | not)' "$work/out.json" >"$work/jq" || return 1
	why=
	verdicts=$(jq -r '.maps[] | "\(.verdict) E=\(.expected_collisions * 10 | round / 10) p=\(.p) collisions=\(.collisions)"' \
		"$work/out.json")
}

verdict_locked()
{
	local build=$1 name=$2
	if verdict_of_run "$verdict_bound" "$build" "$name" env && why="not ordered in $verdict_bound s: $verdicts" &&
		jq -e '.suspects == [] and ([.maps[] | select(.verdict == "ordered" and .p < 1e-6 and .p > 0 and .collisions == 0)] | length == 1)' \
			"$work/out.json" >"$work/jq"; then
		pass "verdict: $build $name is ordered: $verdicts"
	else
		fail "verdict: $build $name" "$why"
		cleanup
	fi
}

# verdict_never_ordered BUILD CASE HOW COMMAND...
verdict_never_ordered()
{
	local build=$1 name=$2 how=$3
	shift 3
	if verdict_of_run 5 "$build" "$name" "$@" && why="a racy map is ordered: $verdicts" && [[ $verdicts != *ordered* ]]; then
		pass "verdict: $build $name $how is not ordered: ${verdicts//$'\n'/; }"
	else
		fail "verdict: $build $name $how" "$why"
		cleanup
	fi
}

# A race that cannot be proved, on one CPU, is a suspect: both functions, the distances, and status 0.
verdict_suspect()
{
	local build=$1 status=0 program=$e2e_build/$1/race_read_write
	fresh_work "suspect"
	why="the program did not start"
	start_target taskset -c 0 "${calm[@]}" "$program" 25 || { fail "suspects: $build" "$why" && return; }
	"${calm[@]}" "$maprace" watch --suspects --window 2ms --json -p "$target" -d 3 -o "$work/out.json" \
		>"$work/stdout" 2>"$work/stderr" || status=$?
	stop_target || true
	if ((status == 0)) && grep -q '^{"type":"suspect"' "$work/stdout" && jq -e '.races == [] and (.suspects | length > 0) and
		all(.suspects[]; .evidence == "window" and (.distances | length > 0 and all(.from_ns < 2000000)) and
			([.accesses[].stack[].function] | any(. == "main.writer") and any(. == "main.reader")))' \
		"$work/out.json" >"$work/jq"; then
		pass "suspects: $build race_read_write on one CPU: $(jq -c '[.suspects[] | .count]' "$work/out.json") times"
	else
		fail "suspects: $build race_read_write on one CPU" "status $status, or not as it should be"
		cleanup
	fi
}

# verdict_fatal BUILD BUDGET LEAST: Go's own check ends a process with many maps, of which one is racy. That one is named or none is,
# and in LEAST of ten deaths it is: outside its windows maprace cannot know what was used last. Two goroutines may come upon the race
# before either has ended the process: both are told of then.
verdict_fatal()
{
	local build=$1 budget=$2 least=$3 died=0 told=0 named=0 racy n watcher
	for ((n = 0; n < 10; n++)); do
		fresh_work "fatal"
		start_target "$e2e_build/$build/shards" || { fail "fatal: $build" "the program did not start" && return; }
		watch --max-hold 0 --budget "$budget" -p "$target" -d 30
		wait_until 20 watching || { fail "fatal: $build" "it does not watch" && return; }
		sleep 1 # some windows
		kill -USR1 "$target"
		wait "$watcher" || true
		stop_target || true # it has died, maybe of what the race has made of the map
		! grep -aqs '^fatal error: .*concurrent map' "$work/target" || died=$((died + 1))
		racy=$(sed -n 's/^ready //p' "$work/target")
		[[ -n $racy && -s $work/out.json ]] || { fail "fatal: $build" "no document" && return; }
		jq -e --arg racy "$racy" 'all(.races[] | .map.addr; . == "0x0" or . == $racy)' "$work/out.json" >"$work/jq" ||
			{ fail "fatal: $build" "another map than $racy: $(jq -c '[.races[].map.addr]' "$work/out.json")" && return; }
		jq -e '[.races[] | select(.evidence == "fatal")] | map(.accesses[0].goroutine) | length == (unique | length)' \
			"$work/out.json" >"$work/jq" || { fail "fatal: $build" "one goroutine's error is told of twice" && return; }
		told=$((told + $(jq '[.races[] | select(.evidence == "fatal")] | length | fmin(.; 1)' "$work/out.json")))
		named=$((named + $(jq '[.races[] | select(.evidence == "fatal" and .map.addr != "0x0")] | length | fmin(.; 1)' "$work/out.json")))
	done
	if ((died >= 5 && told == died && named * 10 >= least * died)); then
		pass "fatal: $build, budget of $budget %, the racy map alone is named, in $named of $died"
	else
		fail "fatal: $build, budget of $budget %" "died $died times, told of $told times, named $named times"
	fi
}

# verdict_names VERSION: whom a fatal error names, as tests/corpus/fatal.sh counts it in earnest: nobody who is innocent, and of a map that
# was damaged before nobody at all.
verdict_names()
{
	local tsv
	fresh_work "names"
	tsv=$work/fatals.tsv
	if FATALS=$tsv "$e2e_top/tests/corpus/fatal.sh" --go "$1" --budget 100 --crashes 2 --jobs 1 pair slow_rogue damaged >"$work/table" 2>&1 &&
		awk -F'\t' '$3 == "damaged" && $5 == "damage" { d++ } $3 == "slow_rogue" && $6 ~ /fatal|also/ { s++ } END { exit !(d == 2 && s) }' "$tsv"; then
		pass "fatal: Go $1, nobody innocent is named"
	else
		fail "fatal: Go $1" "not as it should be"
	fi
}

# verdict_whole BUILD PROGRAM DONE: watches the program from its first instruction to its end; sets place to the address that it names.
# Until DONE, a query in jq, says that the run has been one that can tell anything: at most five times.
verdict_whole()
{
	local n status
	for ((n = 0; n < 5; n++)); do
		fresh_work "$2"
		status=0
		"${calm[@]}" "$maprace" watch -q -o "$work/out.json" -- "$e2e_build/$1/$2" >"$work/stdout" 2>"$work/stderr" || status=$?
		place=$(sed -n 's/^ready //p' "$work/stdout")
		why="no document, or no place (status $status)"
		[[ -n $place && -s $work/out.json ]] || continue
		why="not a run that tells anything"
		! jq -e --arg place "$place" "$3" "$work/out.json" >"$work/jq" || return 0
	done
	return 1
}

# A map at the address of a dead one that was proved racy is another map: locked, it is not racy, and nothing delays it.
verdict_reborn()
{
	local place
	build_program "$1" "$e2e_dir/programs/reborn.go"
	if verdict_whole "$1" reborn 'any(.races[]; .map.addr == $place and .evidence == "collision")' &&
		why="it has inherited from the dead one" &&
		jq -e --arg place "$place" '([.maps[] | select(.addr == $place)] | length == 1 and all(.verdict != "racy" and .collisions == 0 and
			.type == "map[string]string")) and .stats.operations_kept_apart < 2000 and .stats.maps_begun_anew > 0' \
			"$work/out.json" >"$work/jq"; then
		pass "verdict: $1, a locked map where a racy one lay: $(jq -r --arg place "$place" '.maps[] | select(.addr == $place) | .verdict' "$work/out.json")"
	else
		fail "verdict: $1, a locked map where a racy one lay" "$why"
	fi
}

# A map in the heap where one on a stack lay before is held as any other.
verdict_off_stack()
{
	local place
	build_program "$1" "$e2e_dir/programs/offstack.go"
	if verdict_whole "$1" offstack true && why="not proved" &&
		jq -e --arg place "$place" 'any(.races[]; .map.addr == $place) and any(.maps[]; .addr == $place and .verdict == "racy")' \
			"$work/out.json" >"$work/jq"; then
		pass "verdict: $1, a racy map where one on a stack lay"
	else
		fail "verdict: $1, a racy map where one on a stack lay" "$why"
	fi
}

# A map that gets a new seed whenever it is empty is the same after each collection, as long as all probes are in place. Without
# real-time priority: the collector's threads would keep everybody else from running.
verdict_emptied()
{
	build_case "$1" emptied
	fresh_work emptied
	"$maprace" watch -q --budget 100 -o "$work/out.json" -- "$e2e_build/$1/emptied" "$verdict_bound" >"$work/stdout" 2>"$work/stderr" || true
	if [[ -s $work/out.json ]] &&
		jq -e '([.maps[] | select(.verdict == "ordered")] | length == 1) and .stats.maps_begun_anew == 0' "$work/out.json" >"$work/jq"; then
		pass "verdict: $1, a map that is emptied again and again is ordered"
	else
		fail "verdict: $1, a map that is emptied again and again" "not ordered in $verdict_bound s, or not known again"
	fi
}

# verdicts_all quick|all
verdicts_all()
{
	local versions=(1.24) racy=("${verdict_racy[@]:0:2}") build name why verdicts
	[[ $1 != all ]] || versions=(1.19 1.23 1.24 1.27) racy=("${verdict_racy[@]}")
	for build in "${versions[@]/%/-stripped}"; do
		build_case "$build" clean_contended
		verdict_locked "$build" clean_contended
		verdict_locked "$build" clean_contended
	done
	[[ $1 != all ]] || versions=(1.19 1.24)
	verdict_names 1.24
	for build in "${versions[@]/%/-stripped}"; do
		verdict_reborn "$build"
		verdict_off_stack "$build"
		[[ $1 != all ]] || verdict_emptied "$build"
	done
	for build in "${versions[@]/%/-stripped}"; do
		build_program "$build" "$e2e_dir/programs/shards.go"
		verdict_fatal "$build" 2 0
		verdict_fatal "$build" 100 8
	done
	for build in "${versions[@]/%/-stripped}"; do
		build_case "$build" race_read_write
		verdict_suspect "$build"
		for name in "${racy[@]}"; do
			build_case "$build" "$name"
			verdict_never_ordered "$build" "$name" "as it is" env
			verdict_never_ordered "$build" "$name" "on one CPU" taskset -c 0
		done
	done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	scope=quick
	[[ ${1:-} != --all ]] || scope=all
	verdicts_all "$scope"
	finish
fi
