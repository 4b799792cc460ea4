#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# watch --goroutines, and the daemon's: figures against what the program itself says, of each version of Go; a leak is named within ten
# seconds; what comes and goes, a pool and clients are not.
#
# usage: tests/e2e/vitals.sh [NAME]...      e.g. vitals.sh figures leak
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/follow.sh
. "$(dirname "${BASH_SOURCE[0]}")/follow.sh"
# shellcheck source=tests/e2e/daemon.sh
. "$(dirname "${BASH_SOURCE[0]}")/daemon.sh"

vitals_names='figures leak mixed clean filled log unseen'
vitals_versions=(1.19 1.21 1.22 1.23 1.24 1.25 1.26 1.27)
vitals_leaking=(1.19-stripped 1.23-stripped 1.24-pie 1.24-stripped 1.27-stripped)
vitals_clean_seconds=25

vitals_build() # BUILD...
{
	local build
	for build; do
		build_program "$build" "$e2e_dir/programs/vital.go"
	done
}

# vitals_run BUILD MODE SECONDS: its output is in $work/BUILD-MODE.out; sets `one`
vitals_run()
{
	"$e2e_build/$1/vital" "$2" "$3" >"$work/$1-$2.out" 2>&1 &
	one=$!
	wait_until 10 runs_it "$one"
}

runs_it() # PID: not the shell's fork any more
{
	[[ $(readlink "/proc/$1/exe") == */vital ]]
}

vitals_watch() # PID,... OPTION...
{
	watch --goroutines -p "$1" "${@:2}"
	target=$watcher
	must 'it does not watch' wait_until 60 watching || return 1
}

# The report as it is now.
vitals_ask()
{
	rm -f "$work/out.json"
	kill -USR1 "$target" && wait_until 10 test -s "$work/out.json"
}

vitals_end()
{
	kill -INT "$target"
	wait "$target" || true
	target=
	kill "$@" 2>/dev/null || true
}

# Where the process stands still each figure is to be what it says, to the last goroutine and byte. What ReadMemStats calls the heap in
# use has 16 bytes or so less than the collector's count for each of a few hundred things that the collector makes itself.
vitals_agree() # PID OUT
{
	vitals_ask && tail -n 1 "$2" >"$work/said" && jq -e --argjson pid "$1" --slurpfile said "$work/said" '$said[0] as $s |
		.goroutines[] | select(.pid == $pid) |
		.goroutines == $s.goroutines and .gc.cycles == $s.cycles and .gc.forced == $s.forced and .gc.pause_ns == $s.pause and
		.ps.all == $s.procs and .heap.goal == $s.goal and .heap.percent == 100 and .heap.memory_limit == null and
		(.heap.marked - $s.heap | fabs) < 65536 and .heap.live >= .heap.marked and
		.ms >= 2 and .scale == 1 and .unreadable == 0 and .states.running + .states.runnable <= 1 and
		.waits[0].reason == "chan receive" and .waits[0].goroutines == 300' "$work/out.json" >/dev/null
}

stands_still() # OUT LINES
{
	[[ $(wc -l <"$1") -ge $2 ]]
}

vitals_figures()
{
	local version one pids=() i
	vitals_build "${vitals_versions[@]/%/-stripped}"
	for version in "${vitals_versions[@]}"; do
		vitals_run "$version-stripped" still 5
		pids+=("$one")
	done
	vitals_watch "$(IFS=, && echo "${pids[*]}")" || return 1
	for i in "${!pids[@]}"; do
		version=${vitals_versions[i]}
		must "$version does not come to stand still" wait_until 30 stands_still "$work/$version-stripped-still.out" 6 || return 1
		must "$version: a figure is not what it says" wait_until 20 vitals_agree "${pids[i]}" "$work/$version-stripped-still.out" || return 1
	done
	vitals_end "${pids[@]}"
	must 'something was named' not_in "$work/stderr" 'perhaps a leak' || return 1
	must 'the text says nothing' grep -q '^GOROUTINES of process' "$work/stdout" || return 1
}

not_in() # FILE PATTERN
{
	! grep -q "$2" "$1"
}

vitals_leak()
{
	local build one
	vitals_build "${vitals_leaking[@]}"
	for build in "${vitals_leaking[@]}"; do
		vitals_run "$build" leak 60
		vitals_watch "$one" || return 1
		must "$build: no leak is named" wait_until 30 grep -q 'perhaps a leak of goroutines: those that main.leak makes do not end' "$work/stderr" || return 1
		vitals_ask || return 1
		must "$build: not within ten seconds, or not as it is" jq -e '.goroutines[0] | (.makers | map(select(.named_s)) | length == 1) and
			.began_s as $began | .makers[0] | .created_by.function == "main.leak" and (.created_by.file | endswith("/vital.go")) and
			.named_s - $began <= 10 and .per_second > 80 and .per_second < 120 and .grows' "$work/out.json" >/dev/null || return 1
		vitals_end "$one"
		must "$build: the text does not say it" grep -q 'perhaps a leak.*main.leak at .*vital.go:' "$work/stdout" || return 1
	done
}

# One in fifty of those that come and go stays.
vitals_mixed()
{
	local one
	vitals_build 1.27-stripped
	vitals_run 1.27-stripped mixed 120
	vitals_watch "$one" || return 1
	must 'no leak is named' wait_until 100 grep -q 'perhaps a leak of goroutines: those that main.work makes do not end' "$work/stderr" || return 1
	vitals_ask || return 1
	vitals_end "$one"
	must 'not as it is' jq -e '.goroutines[0].makers[0] | .created_by.function == "main.work" and .per_second > 15 and .per_second < 25' \
		"$work/out.json" >/dev/null || return 1
}

# All at once, each a process; nothing is named.
vitals_clean()
{
	local build mode one pids=()
	vitals_build 1.19-stripped 1.24-stripped
	for build in 1.19-stripped 1.24-stripped; do
		for mode in churn pool client still; do
			vitals_run "$build" "$mode" 60
			pids+=("$one")
		done
	done
	vitals_watch "$(IFS=, && echo "${pids[*]}")" -d "$vitals_clean_seconds" || return 1
	wait "$target" || true
	target=
	kill "${pids[@]}"
	must 'one was not looked at as often as it should be' jq -e '(.goroutines | length) == 8 and all(.goroutines[]; .looks >= 10)' "$work/out.json" >/dev/null || return 1
	must 'something was named' jq -e 'all(.goroutines[].makers[]; .named_s == null)' "$work/out.json" >/dev/null || return 1
	must 'the pool was not seen' jq -e 'any(.goroutines[].makers[]; .created_by.function == "main.leak" and .goroutines == 1000)' "$work/out.json" >/dev/null || return 1
	must 'clients were not seen' jq -e 'any(.goroutines[]; .states.network > 300)' "$work/out.json" >/dev/null || return 1
}

has_stopped()
{
	vitals_ask && jq -e '.goroutines[0].makers[0] | .named_s and (.grows | not) and .goroutines == 800' "$work/out.json" >/dev/null
}

# A pool that is filled as a leak fills it is told of, and that it has stopped.
vitals_filled()
{
	local one
	vitals_build 1.27-stripped
	vitals_run 1.27-stripped filled 90
	vitals_watch "$one" || return 1
	must 'it is not said that it has stopped' wait_until 90 has_stopped || return 1
	vitals_end "$one"
	must 'the text does not say it' grep -q 'it has stopped growing' "$work/stdout" || return 1
}

leak_is_logged()
{
	grep -q '"type":"leak"' "$work/races.jsonl"
}

# The daemon: one line, figures in rows.
vitals_log()
{
	local one two
	bin=$work/bin
	mkdir -p "$bin"
	vitals_build 1.23-stripped
	cp "$e2e_build/1.23-stripped/vital" "$bin/leaker"
	daemon_config
	daemon_start || return 1
	"$bin/leaker" leak 60 >/dev/null &
	one=$!
	"$bin/leaker" leak 60 >/dev/null &
	two=$!
	must 'the leak is not in the log' wait_until 40 leak_is_logged || return 1
	must 'nor is it counted for both' wait_until 40 metric 'goroutine_leaks_total{site="main.leak",exe="'"$bin/leaker" 2 || return 1
	must 'the line is not as it is' jq -es 'map(select(.type == "leak")) | length == 1 and (.[0].data |
		.created_by.function == "main.leak" and .per_second > 80 and (.process.exe | endswith("/leaker")) and .time)' "$work/races.jsonl" >/dev/null || return 1
	must 'goroutines are not counted' metric 'goroutines{state="waiting",exe="'"$bin/leaker" 1000 || return 1
	must 'nor those that grow' metric 'goroutines_growing{site="main.leak",exe="'"$bin/leaker" 1000 || return 1
	must 'nor Ps' metric 'go_processors{exe="'"$bin/leaker" 2 || return 1
	must 'nor the heap' metric 'go_heap_live_bytes{exe="'"$bin/leaker" 1000000 || return 1
	kill "$one" "$two"
	must 'those that have ended are counted' wait_until 20 no_rows || return 1
	daemon_stop || return 1
	# and where nobody wants it
	daemon_start --no-goroutines || return 1
	page metrics
	must 'it looks all the same' grep -q '^maprace_goroutine_looks_total 0$' "$work/metrics" || return 1
	daemon_stop || return 1
}

# Who ends before anybody looks is not passed over in silence; who was looked at is not told of so.
vitals_unseen()
{
	local one
	vitals_build 1.24-stripped
	build_program 1.24-stripped "$e2e_dir/programs/brief.go"
	"$maprace" watch --goroutines -o "$work/out.json" -- "$e2e_build/1.24-stripped/brief" >"$work/stdout" 2>"$work/stderr" ||
		{ why='exit status' && return 1; }
	must 'it is not said that nobody looked' jq -e '.goroutines == [] and ([.stats.caveats[] | select(.code == "no-goroutines")] | length == 1)' \
		"$work/out.json" >/dev/null || return 1
	must 'nor in the text' grep -q 'goroutines of 1 process were not looked at' "$work/stderr" || return 1
	vitals_run 1.24-stripped clean 30
	vitals_watch "$one" || return 1
	must 'it was not looked at' wait_until 20 has_looked || return 1
	vitals_end "$one"
	must 'it is said that nobody looked' jq -e 'all(.stats.caveats[]; .code != "no-goroutines")' "$work/out.json" >/dev/null || return 1
}

has_looked()
{
	vitals_ask && jq -e '.goroutines[0].looks > 0' "$work/out.json" >/dev/null
}

no_rows()
{
	page metrics && ! grep -q '^maprace_goroutines{' "$work/metrics"
}

vitals_all() # [NAME]...
{
	local name why names=("$@")
	((${#names[@]})) || read -ra names <<<"$vitals_names"
	for name in "${names[@]}"; do
		fresh_work "vitals-$name"
		why=
		if vitals_"$name"; then
			pass "vitals: $name"
		else
			fail "vitals: $name" "$why"
		fi
		cleanup
	done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	vitals_all "$@"
	finish
fi
