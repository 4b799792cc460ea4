#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Recordings, suppressions and baselines on live programs.
#
# usage: tests/e2e/recording.sh      half a minute
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

recording_case=race_read_write
recording_formats=(text.txt json.json jsonl.jsonl sarif.sarif junit.xml html.html)
recording_result= # why the running case fails; empty: it does not

claim() # claim WHAT COMMAND...: the command holds
{
	local what=$1
	shift
	[[ -n $recording_result ]] || "$@" || recording_result=$what
}

recording_verdict()
{
	if [[ -z $recording_result ]]; then
		pass "$1"
	else
		fail "$1" "$recording_result"
	fi
	recording_result=
	[[ -z $target ]] || stop_target || true
}

# recording_watch SECONDS OPTION...: the racy program under the tool; sets status. It may die of its race, by its own
# check: then again.
recording_watch()
{
	local seconds=$1
	shift
	for _ in 1 2 3; do
		status=0
		if ! start_target "${calm[@]}" "$e2e_build/$build/$recording_case" $((seconds + 20)); then
			recording_result='the program did not start'
			return 0
		fi
		"${calm[@]}" "$maprace" watch -p "$target" -d "$seconds" "$@" >"$work/stdout" 2>"$work/stderr" || status=$?
		stop_target || true
		grep -qs '^fatal error: concurrent map' "$work/target" || return 0
	done
}

# All files of one run, and the recording rendered by nobody, where the program's file is not there any more.
recording_renders_the_same()
{
	local outputs=() pair format file dir
	fresh_work recording
	for pair in "${recording_formats[@]}"; do
		outputs+=(-o "$work/live.${pair#*.}")
	done
	recording_watch 4 "${outputs[@]}" -o "$work/run.mrec"
	claim "exit status $status, not 66" test "$status" = 66
	dir=$(mktemp -d)
	chmod 755 "$dir"
	install -m 755 "$maprace" "$dir/maprace"
	install -m 644 "$work/run.mrec" "$dir/run.mrec"
	for pair in "${recording_formats[@]}"; do
		format=${pair%.*} file=$work/live.${pair#*.}
		"${nobody[@]}" unshare --user --mount --map-current-user \
			bash -c "mount -t tmpfs none '$e2e_build' 2>/dev/null; cd / && exec '$dir/maprace' report '$dir/run.mrec' -f $format" \
			>"$work/again" 2>&1 || claim "report --format $format fails" false
		claim "$format: rendered again it reads otherwise" cmp "$file" "$work/again"
	done
	rm -r "$dir"
	claim 'no race in the document' jq -e '.races | length > 0' "$work/live.json" >/dev/null
	recording_verdict "$build: a recording renders as the run did, in ${#recording_formats[@]} formats"
}

# The tool is killed hard: what was found is there, and report says that there is no end.
recording_survives_a_crash()
{
	local pid
	fresh_work crash
	start_target "${calm[@]}" "$e2e_build/$build/$recording_case" 30 || claim 'the program did not start' false
	"${calm[@]}" "$maprace" watch -p "$target" --record "$work/run.mrec" >"$work/stdout" 2>"$work/stderr" &
	pid=$!
	claim 'no race in the recording' wait_until 20 recording_has_a_race
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || true
	status=0
	"$maprace" report "$work/run.mrec" >"$work/again" 2>"$work/again.err" || status=$?
	claim "exit status $status" test "$status" = 0
	claim 'no warning' grep -q 'the recording has no end' "$work/again.err"
	claim 'no race' grep -q 'WARNING: CONCURRENT MAP ACCESS (proven)' "$work/again"
	recording_verdict "$build: a recording survives the tool's being killed"
}

recording_has_a_race()
{
	"$maprace" report "$work/run.mrec" 2>/dev/null | grep -q '(proven)'
}

recording_suppressed()
{
	fresh_work suppressed
	printf '# all of them\nrace:^main.*\n' >"$work/rules"
	recording_watch 3 --suppressions "$work/rules" -o "$work/out.json"
	claim "exit status $status, not 0" test "$status" = 0
	claim 'a race is reported' test ! -s "$work/stdout"
	claim 'it is not counted' grep -q 'Suppressed: [0-9]* races\?, seen .*, by race:^main\.\*' "$work/stderr"
	claim 'not in the document' jq -e '.races == [] and .hidden[0].races > 0 and .hidden[0].by == "race:^main.*"' "$work/out.json" >/dev/null
	recording_verdict "$build: suppressed, counted, status 0"
}

# The second run knows the races of the first; in the baseline of nothing they are all new.
recording_baseline()
{
	local known
	fresh_work baseline
	recording_watch 4 -o "$work/old.mrec"
	claim 'nothing found in the first run' test "$status" = 66
	known=$("$maprace" report "$work/old.mrec" -f json | jq -r '[.races[].id] | join("|")')
	recording_watch 4 --baseline "$work/old.mrec" -o "$work/new.json"
	claim 'a known race is reported' jq -e --arg known "$known" '[.races[].id | select(inside($known))] == []' "$work/new.json" >/dev/null
	claim 'not counted as known' jq -e '.hidden[0].known and .hidden[0].races > 0' "$work/new.json" >/dev/null
	claim "exit status $status" test "$status" = "$(jq 'if .races == [] then 0 else 66 end' "$work/new.json")"
	status=0
	"$maprace" report "$work/old.mrec" "$work/old.mrec" --diff >"$work/diff" 2>&1 || status=$?
	claim "a report differs from itself" test "$status" = 0
	claim "a report differs from itself" grep -q '^0 new, 0 gone, ' "$work/diff"
	recording_verdict "$build: known from a baseline, status 0"
}

# The same function in a program that differs elsewhere: lines above it, other addresses.
recording_ids()
{
	local first second source=$e2e_build/work/$$/shifted
	fresh_work ids
	recording_watch 4 -o "$work/one.json"
	mkdir -p "$source"
	{
		printf '// one\n// two\n// three\n'
		cat "$e2e_dir/cases/$recording_case.go"
		printf 'var filler [4096]int\n\nfunc init() { for i := range filler { filler[i] = i } }\n'
	} >"$source/shifted.go"
	cp "$e2e_dir/cases/harness.go" "$source"
	build_program "$build" "$source/shifted.go" "$source/harness.go"
	status=0
	start_target "${calm[@]}" "$e2e_build/$build/shifted" 25 || claim 'the program did not start' false
	"${calm[@]}" "$maprace" watch -q -p "$target" -d 4 -o "$work/two.json" >"$work/stdout" 2>"$work/stderr" || status=$?
	stop_target || true
	first=$(jq -r '[.races[] | select(.evidence == "collision") | .id] | unique | join(" ")' "$work/one.json")
	second=$(jq -r '[.races[] | select(.evidence == "collision") | .id] | unique | join(" ")' "$work/two.json")
	claim "ids differ: $first and $second" test -n "$first" -a "$first" = "$second"
	rm -f "$e2e_build/$build/shifted"
	recording_verdict "$build: one id in two builds"
}

# Where there are symbols, the variable that holds the map has a name.
recording_global()
{
	local build=1.24
	fresh_work global
	build_case "$build" "$recording_case"
	recording_watch 4 -o "$work/out.json"
	claim "not main.m" jq -e '.races | length > 0 and all(.[]; .map.global == "main.m")' "$work/out.json" >/dev/null
	recording_verdict "$build: the global variable that holds the map"
}

# A map that no variable holds is not said to be held by the one that holds what lies there next.
recording_no_global()
{
	local build=1.24 turn proved=0
	build_program "$build" "$e2e_dir/programs/refilled.go"
	for ((turn = 0; turn < 20 && proved < 2; turn++)); do
		fresh_work no_global
		"${calm[@]}" "$maprace" watch -q -d 3 -o "$work/out.json" -- "$e2e_build/$build/refilled" >"$work/stdout" 2>"$work/stderr" || true
		claim 'in a variable' jq -e 'all(.races[]; .map | has("global") | not)' "$work/out.json" >/dev/null
		! jq -e '.races | length > 0' "$work/out.json" >/dev/null || ((++proved))
	done
	claim "races were proved in $proved runs" test "$proved" -ge 2
	recording_verdict "$build: no global variable where another map lies now"
}

# What a goroutine works for, as pprof.Do says it: a map until Go 1.23, a list since.
recording_labels()
{
	local build=$1
	fresh_work labels
	build_program "$build" "$e2e_dir/programs/labels.go" "$e2e_dir/programs/phases.go"
	"${calm[@]}" "$maprace" watch -q -d 15 --halt-on-race -o "$work/out.json" -- "$e2e_build/$build/labels" >"$work/stdout" 2>"$work/stderr" || true
	claim 'no race, or no labels' jq -e '.races[0].accesses | map(.labels | "\(.handler) \(.tenant)") | sort == ["add seven", "show seven"]' \
		"$work/out.json" >/dev/null
	claim 'the text has none' grep -q '^  Labels: handler=add, tenant=seven$' "$work/stdout" "$work/stderr"
	recording_verdict "$build: the labels of goroutines"
	fresh_work labels_then
	"${calm[@]}" "$maprace" watch -q -d 15 --halt-on-race -o "$work/out.json" -- "$e2e_build/$build/labels" changing >"$work/stdout" 2>"$work/stderr" || true
	claim 'no race, or the labels of something else' jq -e '.races[0].accesses | map(.labels.handler) | length == 2 and index("other") == null' \
		"$work/out.json" >/dev/null
	recording_verdict "$build: no labels of what a goroutine does later"
	fresh_work labels_anew
	for _ in 1 2 3; do
		"${calm[@]}" "$maprace" watch -q -d 15 --halt-on-race -o "$work/out.json" -- "$e2e_build/$build/labels" collecting >"$work/stdout" 2>"$work/stderr" || true
		claim 'no race, or the labels of something else' jq -e '.races[0].accesses | map(.labels.handler) | length == 2 and index("other") == null' \
			"$work/out.json" >/dev/null
	done
	recording_verdict "$build: no labels that came to lie where its own did"
}

recording_all()
{
	local build=1.24-stripped status
	build_case "$build" "$recording_case"
	recording_renders_the_same
	recording_survives_a_crash
	recording_suppressed
	recording_baseline
	recording_ids
	recording_global
	recording_no_global
	recording_labels 1.19-stripped
	recording_labels 1.24-stripped
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	recording_all
	finish
fi
