#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# watch --panics on programs that panic in every way there is: each place with its kind, the type of its value, how often, and what
# became of it, as the program itself has counted; nothing in one that does not panic; and what a storm of panics costs.
#
# usage: tests/e2e/panics.sh [NAME]...      corpus attached deaths values clean storm; two minutes
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

panics_names=(corpus attached deaths values clean storm)
panics_versions=(1.19 1.21 1.22 1.23 1.24 1.25 1.26 1.27)
panics_builds=(1.19-pie 1.24-external 1.27-pie 1.27)
panics_rate=100000       # of the storm, a second
panics_least=0.7         # of what a storm does by itself in a second of CPU time, it does while it is watched: on a busy machine
panics_budget=6          # percent of a CPU that it costs by maprace's own account, at a budget of 5
panics_storm_seconds=8

# What was reported, in the words in which the program says what it has done.
panics_told='.panics | group_by(.kind, .value_type, .site.function) | map(
	(["recovered", "repanicked", "replaced", "goexit", "died"] as $words | [$words[] as $word | map(.outcomes[$word]) | add] | map(tostring) | join("/")) as $outcomes
	| "expect \(.[0].kind) \(.[0].value_type // "-") \(.[0].site.function) \(map(.count) | add) \($outcomes)") | .[]'

# Which functions have recovered of each place: one is named, and whether there were others.
panics_where='([$program | split("\n")[] | select(startswith("expect ")) | split(" ")
	| {key: (.[1] + .[2] + .[3]), value: ((.[6] // "") | split(",") | map(select(. != "")))}] | from_entries) as $in
	| $report[0].panics | all(.[]; $in[.kind + (.value_type // "-") + .site.function] as $names
		| if .recovered_in == null then $names == []
		  else .recovered_in as $one | ($names | index($one)) != null and .recovered_elsewhere == (($names | length) > 1) end)'

panics_nothing_lost='.stats.panics_uncounted == 0 and .stats.panic_outcomes_lost == 0 and .stats.panic_stacks_lost == 0 and .stats.panics_dropped == 0'

# panics_watch ARG...: in $work
panics_watch()
{
	status=0
	timeout -k 1 60 "$maprace" watch -q --panics --budget 100 -o "$work/out.json" "$@" >"$work/stdout" 2>"$work/stderr" || status=$?
}

# panics_are_right WORDS: as the program has counted itself, whose words those are; all of it known, and nothing lost
panics_are_right()
{
	why="status $status"
	((status == 0)) && grep -q '^ok 1 operations$' "$1" || return 1
	grep '^expect ' "$1" | sed 's/ [^ ]*$//' | LC_ALL=C sort >"$work/expected"
	jq -r "$panics_told" "$work/out.json" | LC_ALL=C sort >"$work/told"
	why="not what it has done: $(diff "$work/expected" "$work/told" | head -n 20 | tr '\n' '|')"
	cmp -s "$work/expected" "$work/told" || return 1
	why='who recovered is wrong'
	jq -ne --rawfile program "$1" --slurpfile report "$work/out.json" "$panics_where" >/dev/null || return 1
	why='something is not known, or was lost'
	jq -e "all(.panics[]; .outcomes.unknown == 0 and .watched == 1 and (.partial | not)) and $panics_nothing_lost" "$work/out.json" >/dev/null || return 1
	why='a stack does not lead from where it panics to where it began'
	jq -e '.panics | all(.[]; .site as $site | (.stack | map(.function)) as $all
		| ($all[0] == "runtime.gopanic" or $all[0] == "runtime.Goexit") and ($all | index($site.function)) != null
		and ((($all | last) == "main.main") or .created_by != null) and ($site.file | endswith("panicking.go")) and $site.line > 0)' "$work/out.json" >/dev/null || return 1
	why='the caller of a function without a frame is missing'
	jq -e '.panics | map(select(.kind == "fault")) | length == 1 and
		all(.[]; [.stack[].function] as $all | $all[($all | index("main.dereferences")) + 1] == "main.try")' "$work/out.json" >/dev/null
}

# Every kind, on every version, from the first instruction on.
panics_corpus()
{
	local version
	for version in "${panics_versions[@]}"; do
		panics_watch -- "$e2e_build/$version-stripped/panicking" all 1
		panics_are_right "$work/stdout" || { why="$version: $why" && return 1; }
	done
	for version in "${panics_builds[@]}"; do
		panics_watch -- "$e2e_build/$version/panicking" all 20
		panics_are_right "$work/stdout" || { why="$version: $why" && return 1; }
	done
	why='the text does not tell'
	"$maprace" report "$work/out.json" >"$work/text" 2>"$work/summary" || return 1
	grep -q '^PANICS: [0-9]* places' "$work/text" && grep -q 'fault with a runtime.errorString .* in main.dereferences at ' "$work/text"
}

# By its number, while it goes on; by perf events too.
panics_attached()
{
	local version why_not
	for version in 1.19 1.27; do
		start_target "$e2e_build/$version-stripped/panicking" wait 20 || { why='it did not start' && return 1; }
		watch -q --panics --budget 100 -p "$target"
		why='maprace did not begin'
		wait_until 20 text_differs "$target" || return 1
		sleep 1 # its gate opens behind that
		kill -USR1 "$target"
		status=0
		wait "$watcher" || status=$?
		wait "$target" || status=$?
		target=
		panics_are_right "$work/target" || { why_not=$why && why="$version: $why_not" && return 1; }
	done
}

# panics_dies VERSION WAY: of a panic, with its own exit status; FUNCTION OUTCOME...: what is told
panics_dies()
{
	local version=$1 way=$2
	shift 2
	panics_watch -- "$e2e_build/$version-stripped/panicking" "$way"
	why="$version $way: status $status"
	((status == 2)) || return 1
	why="$version $way: $(jq -c '[.panics[] | .site.function, .outcomes]' "$work/out.json")"
	jq -e --arg expected "$*" "([.panics[] | .site.function as \$f | .outcomes | to_entries[] | select(.value > 0) | \"\(\$f) \(.key)\"] | sort | join(\" \"))
		== \$expected and all(.panics[]; .count == 1) and $panics_nothing_lost" "$work/out.json" >/dev/null
}

panics_deaths()
{
	local version
	for version in 1.19 1.24 1.27; do
		panics_dies "$version" string main.says died || return 1
		panics_dies "$version" error main.fails died || return 1
		panics_dies "$version" nil main.dereferences died || return 1
		panics_dies "$version" again main.raise died main.says repanicked || return 1
		panics_dies "$version" instead main.fails died main.indexes replaced || return 1
		panics_dies "$version" deferred main.divides recovered main.says died || return 1
	done
}

# What a program says is told only where that is asked for; what the runtime says always.
panics_values()
{
	local version own='select(.message != null) | .message' runtime
	for version in 1.19 1.24 1.27; do
		runtime='[.panics[] | select(.kind == "runtime" or .kind == "fault") | '"$own"'] | unique | tostring | contains("divide by zero") and contains("nil pointer dereference") and contains("nil map") and contains("close of closed channel")'
		panics_watch -- "$e2e_build/$version-stripped/panicking" all 1
		why="$version: $(jq -c '[.panics[].message]' "$work/out.json")"
		jq -e "([.panics[] | select(.kind == \"explicit\") | $own] == []) and ($runtime)" "$work/out.json" >/dev/null || return 1
		panics_watch --panic-values -- "$e2e_build/$version-stripped/panicking" all 1
		why="$version, with values: $(jq -c '[.panics[].message]' "$work/out.json")"
		jq -e "([.panics[] | select(.kind == \"explicit\") | $own] | unique == [\"it failed\", \"just so\", \"wrapped: it failed\"]) and ($runtime)" \
			"$work/out.json" >/dev/null || return 1
	done
}

panics_clean()
{
	local version
	for version in 1.19 1.24 1.27; do
		panics_watch -- "$e2e_build/$version-stripped/panicking" clean 2
		why="$version: status $status, $(jq -c .panics "$work/out.json")"
		((status == 0)) && jq -e '.panics == []' "$work/out.json" >/dev/null || return 1
	done
}

# panics_storm_of RATE [WATCHED]: how many it did, as $did; and in a second of its CPU time, when all was in place, as $later
panics_storm_of()
{
	start_target "$e2e_build/1.27-stripped/panicking" storm "$panics_storm_seconds" "$1" || { why='it did not start' && return 1; }
	if [[ -n ${2:-} ]]; then
		"$maprace" watch -q --panics -p "$target" -o "$work/out.json" >"$work/stdout" 2>"$work/stderr" || { why="status $?" && return 1; }
	fi
	why='it was harmed'
	wait "$target" || return 1
	target=
	did=$(sed -n 's/^panics //p' "$work/target")
	later=$(sed -n 's/^later //p' "$work/target")
}

# What is said of a storm is true: at the least so many, all recovered but for those whose end went by; for a part of the time.
panics_storm_is_true()
{
	jq -e --argjson did "$did" '(.panics | length == 1 and (.[0] | .site.function == "main.fails" and .count > 0 and .count <= $did and .watched < 1
		and .recovered_in == "main.try" and (.recovered_elsewhere | not)
		and .outcomes.recovered + .outcomes.unknown == .count and .outcomes.recovered > 0.99 * .count))
		and .stats.cost_percent <= $budget' --argjson budget "$panics_budget" "$work/out.json" >/dev/null
}

panics_storm()
{
	local did later alone
	panics_storm_of "$panics_rate" || return 1
	alone=$did
	panics_storm_of "$panics_rate" watched || return 1
	why="at $panics_rate a second: $did, alone $alone, $(jq -c "[.stats.cost_percent, (.panics[] | .count, .watched, .outcomes, .recovered_in)]" "$work/out.json")"
	((did >= alone * 9 / 10)) && panics_storm_is_true || return 1
	panics_storm_of 0 || return 1
	alone=$later
	panics_storm_of 0 watched || return 1
	why="$later, alone $alone; $(jq -c "[.stats.cost_percent, (.panics[] | .count, .watched, .outcomes, .recovered_in)]" "$work/out.json")"
	awk -v did="$later" -v alone="$alone" -v least="$panics_least" 'BEGIN { exit !(did >= least * alone) }' && panics_storm_is_true || return 1
	panics_said=", $later in a second of CPU time, alone $alone"
}

panics_all()
{
	local name build why status panics_said
	for build in "${panics_versions[@]/%/-stripped}" "${panics_builds[@]}"; do
		build_program "$build" "$e2e_dir/programs/panicking.go"
	done
	for name in "${@:-${panics_names[@]}}"; do
		fresh_work "panics_$name"
		why='' panics_said=''
		if "panics_$name"; then
			pass "panics: $name$panics_said"
		else
			fail "panics: $name" "$why"
			cleanup
			target=
		fi
	done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	panics_all "$@"
	finish
fi
