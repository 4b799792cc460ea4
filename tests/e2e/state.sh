#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# --state: what one run learns, the next one begins with; bad files; two runs with one file.
#
# usage: tests/e2e/state.sh [NAME]...      e.g. state.sh once bad
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

state_names='bad once parallel clean'
state_version=1.24
state_runs=6 # until then what races once in each run has to be found

# state_program NAME: a service of the corpus, which does each thing once
state_program()
{
	local top=$e2e_top/tests/corpus
	state_binary=$e2e_build/$state_version/$1
	[[ ! -x $state_binary ]] || return 0
	go_root "$state_version"
	mkdir -p "$e2e_build/$state_version" "$work/$1"
	cp "$top/$1.go" "$top/pace.go" "$work/$1"
	(cd "$work/$1" && printf 'module corpus\n' >go.mod && GOFLAGS=-mod=mod GOTOOLCHAIN=local GOPROXY=off "$goroot/bin/go" build -o "$state_binary" .)
}

# state_run NAME [OPTION]...: a run of three seconds; status of maprace in state_status
state_run()
{
	local out=$work/$1
	shift
	state_status=0
	timeout 60 "$maprace" watch --no-color -d 20 -o "$out.json" "$@" -- "$state_binary" once 3 >"$out.stdout" 2>"$out.stderr" </dev/null || state_status=$?
}

state_pairs() # FILE STATUS: so many
{
	grep -c "^$2 " "$1" || true
}

# Nothing is watched, one line says why, and the file is as it was.
state_bad()
{
	local what
	state_program racy_context_map
	echo 'race:main.*' >"$work/foreign"
	printf 'maprace-state 2 00000000 0\n' >"$work/version"
	printf 'maprace-state 1 00000000 1\narmed 1' >"$work/truncated"
	mkfifo "$work/fifo"
	for what in foreign version truncated fifo; do
		state_run run --state "$work/$what"
		why="$what: status $state_status"
		[[ $state_status == 1 ]] || return 1
		why="$what: not one line and a hint"
		[[ $(grep -c '^maprace: error: .*'"$work/$what" "$work/run.stderr") == 1 && $(wc -l <"$work/run.stderr") -le 2 ]] || return 1
		why="$what: something was watched"
		! grep -q '^maprace: watching' "$work/run.stderr" || return 1
	done
	why='the file was changed'
	[[ $(<"$work/foreign") == 'race:main.*' && $(<"$work/truncated") == $'maprace-state 1 00000000 1\narmed 1' ]] || return 1
	rm "$work/fifo"
	why='a directory that is not there is not refused'
	state_run run --state "$work/no/where"
	[[ $state_status == 1 ]] || return 1
	why=
}

# What races once in each run is found, the file says so, and so it is again: armed from the start.
state_once()
{
	local run found=0
	state_program racy_context_map
	why='not found'
	for ((run = 1; run <= state_runs && found < 2; run++)); do
		# a machine that others use takes what a test may wait: that is not what is tried here
		state_run "run$run" --slowdown 100 --state "$work/state"
		((state_status == 66)) || continue
		found=$((found + 1))
		why='found, and not in the state'
		[[ $(state_pairs "$work/state" proved) -ge 1 ]] || return 1
		why='found once only'
	done
	((found == 2)) || return 1
	why='nothing was armed from the start in the last run'
	grep -q '^maprace: state .* [1-9][0-9]* armed from the start$' "$work/run$((run - 1)).stderr" || return 1
	why=
}

# Each adds its own to what the other one has put there.
state_parallel()
{
	local i status=0 pids=()
	state_program racy_context_map
	for i in 1 2 3; do
		"$maprace" watch -q -d 20 --state "$work/alone$i" -o "$work/one$i.json" -- "$state_binary" 1ms 3 >"$work/out$i" 2>&1 </dev/null || status=$?
		why="run $i alone: status $status"
		[[ $status == 0 || $status == 66 ]] || return 1
	done
	for i in 1 2 3; do
		"$maprace" watch -q -d 20 --state "$work/together" -- "$state_binary" 1ms 3 >"$work/out$i" 2>&1 </dev/null &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		status=0
		wait "$i" || status=$?
		why="in parallel: status $status"
		[[ $status == 0 || $status == 66 ]] || return 1
	done
	why='the file is not whole'
	state_run last --state "$work/together"
	[[ $state_status == 0 || $state_status == 66 ]] || return 1
	why='nothing is in the file'
	[[ $(state_pairs "$work/together" '[a-z]*') -ge 1 ]] || return 1
	why='something was left beside it'
	[[ -z $(find "$work" -name 'together?*') ]] || return 1
	why=
}

# A lock keeps the two apart: armed from the start, and silent all the same.
state_clean()
{
	local run
	state_program clean_context_map
	for run in 1 2 3; do
		state_run "run$run" --state "$work/state"
		why="run $run: status $state_status"
		[[ $state_status == 0 ]] || return 1
		why="run $run: something is called proved"
		[[ ! -e $work/state || $(state_pairs "$work/state" proved) == 0 ]] || return 1
	done
	why=
}

state_only=()
state_all()
{
	local name why names=("${state_only[@]}")
	((${#names[@]})) || read -ra names <<<"$state_names"
	for name in "${names[@]}"; do
		fresh_work "state-$name"
		why=
		if "state_$name"; then pass "state $name"; else fail "state $name" "$why"; fi
	done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	state_only=("$@")
	state_all
	finish
fi
