#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Processes that die of the runtime's own check while they are watched: what is told of them, what they and their parent see of it, and
# whether they are let go when maprace is not there to do it.
#
# usage: tests/e2e/death.sh [NAME]...      e.g. death.sh pair killed
#        tests/e2e/death.sh campaign [COUNT [MILLISECONDS]]    by hand, for docs/snapshot.md: how often both are named, and for how long
#                                                              all stood still; the second writer begins after so long (700)
#        tests/e2e/death.sh million [VERSION]...               by hand: of a million goroutines, of which some 3 GB of memory are needed
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

death_names=(pair deferred traced unseen unlooked killed causes waiter core core_each absent powerless)
death_versions=(1.19 1.27)
dying_s=20    # and until it has printed its goroutines

# dies ARG...: of the program's death, in $work
dies()
{
	status=0
	timeout -k 1 60 "$maprace" watch -q -d 30 -o "$work/out.json" "${watching[@]}" -- "$@" >"$work/stdout" 2>"$work/stderr" || status=$?
}

died_as_without_us()
{
	why="exit status $status, and what it said"
	((status == 66)) && grep -qa '^fatal error: concurrent map' "$work/stderr" && grep -qa '^goroutine [0-9]' "$work/stderr"
}

both_are_named()
{
	jq -e '.deaths | length == 1 and (.[0] |
		(.message | startswith("concurrent map")) and .not_identified == "" and
		([.conflict[].role] == ["died", "inside"]) and
		([.conflict[].stack[].function] | index("main.firstLarge") and index("main.secondLarge")) and
		all(.conflict[]; .op == "write" and any(.stack[]; .function | startswith("runtime.mapassign")) and .created_by.function == "main.main") and
		.snapshot.unread == 0 and ([.snapshot.groups[] | select(any(.stack[]; .function == "main.handler")) | .count] == [500]))' \
		"$work/out.json" >/dev/null
}

# The two are inside for long, so that most often both are named by their stacks, and what else there is; all die as without us.
death_pair()
{
	local version turn watching=(--max-freeze 2s --record "$work/out.mrec")
	for version in "${death_versions[@]}"; do
		for ((turn = 0; turn < 10; turn++)); do
			dies "$e2e_build/$version-stripped/dying" 500 300 large
			died_as_without_us || return 1
			! both_are_named || break
		done
		why="not both are named: $(jq -c '[.deaths[]? | .not_identified, .snapshot.notes, (.conflict[] | .role)]' "$work/out.json")"
		both_are_named || return 1
		why='the text does not tell'
		grep -qa '^PROCESS [0-9]* DIED .*fatal error: concurrent map' "$work/stdout" || return 1
		grep -qaE "^Goroutine [0-9]+ stood inside its write of the same map" "$work/stdout" || return 1
		why='the recording does not'
		"$maprace" report "$work/out.mrec" >"$work/again" 2>"$work/summary" && "$maprace" report --format json "$work/out.mrec" >"$work/again.json" || return 1
		grep -qaE "^Goroutine [0-9]+ stood inside its write of the same map" "$work/again" || return 1
		cmp -s <(jq .deaths "$work/out.json") <(jq .deaths "$work/again.json") || return 1
	done
}

# Who has left the map function by a panic, and is in a deferred function, does not stand inside.
death_deferred()
{
	local version watching=(--max-freeze 2s)
	for version in "${death_versions[@]}"; do
		build_program "$version-stripped" "$e2e_dir/programs/deferring.go"
		dies "$e2e_build/$version-stripped/deferring"
		died_as_without_us || return 1
		why="$version: $(jq -c '[.deaths[]? | .not_identified, (.conflict[] | .role, .stack[].function)]' "$work/out.json")"
		jq -e '.deaths | length == 1 and (.[0] | .conflict[0].role == "died" and all(.conflict[].stack[]; .function != "main.stuck"))' \
			"$work/out.json" >/dev/null || return 1
	done
}

# The only other one that was seen to write is named only where somebody looks whether it is inside: a debugger keeps us from that.
death_traced()
{
	local version watcher tracer
	"${CC:-cc}" -O -Wall -o "$work/tracer" "$e2e_dir/programs/tracer.c"
	for version in "${death_versions[@]}"; do
		build_program "$version-stripped" "$e2e_dir/programs/parked.go"
		start_target "$e2e_build/$version-stripped/parked" 16 || return 1
		watch -q -p "$target" --max-freeze 1s
		why='maprace did not begin'
		wait_until 10 text_differs "$target" || return 1
		"$work/tracer" -p "$target" >"$work/tracing" &
		tracer=$!
		target_died 'concurrent map read and map write' "$watcher" || return 1
		wait "$tracer" || true
		why="$version: $(jq -c '[.races[] | .evidence, .proves, (.accesses[] | .role, .stack[].function)], .deaths[].snapshot.notes' "$work/out.json")"
		jq -e '(.deaths | length == 1) and any(.deaths[0].snapshot.notes[]; contains("cannot be frozen")) and
			any(.races[]; .evidence == "fatal") and all(.races[].accesses[].stack[]; .function != "main.innocent")' "$work/out.json" >/dev/null || return 1
	done
}

# Of a document's death: either the other one is named, or it is among those that ran.
other_is_shown='.deaths[0] | (.not_identified == "") == (has("running") | not) and
	any(.conflict[1:][], .running[]?; any(.stack[]; .function == "main.writes"))'

# Next to none of the operations are seen: the function's own code tells which map it is, and who ran then is shown.
death_unseen()
{
	local version turn watching=(--budget 0.1 --max-freeze 2s)
	for version in "${death_versions[@]}"; do
		for ((turn = 0; turn < 5; turn++)); do # it may be descheduled in that moment
			dies "$e2e_build/$version-stripped/dying" 100 1500
			died_as_without_us || return 1
			! jq -e "$other_is_shown" "$work/out.json" >/dev/null || break
		done
		why="$version: the other one is not shown: $(jq -c '[.deaths[]? | .not_identified, .running]' "$work/out.json")"
		jq -e "$other_is_shown" "$work/out.json" >/dev/null || return 1
		why="$version: $(jq -c '[.stats.operations, (.deaths[]? | .not_identified, .map, (.conflict[] | .role))]' "$work/out.json")"
		jq -e '.deaths | length == 1 and (.[0] | .map.len > 0 and .conflict[0].role == "died" and
			.conflict[0].op == "write" and (.snapshot.maps[0].map.addr == .map.addr or
			any(.snapshot.notes[]; startswith("the map was not looked at: "))))' "$work/out.json" >/dev/null ||
			return 1
	done
}

death_unlooked()
{
	local watching=(--no-post-mortem)
	dies "$e2e_build/1.27-stripped/dying" 100 300 large
	died_as_without_us || return 1
	why='it was looked at all the same'
	! jq -e 'has("deaths")' "$work/out.json" >/dev/null
}

is_stopped()
{
	[[ $(sed 's/.*) //; s/ .*//' "/proc/$target/stat" 2>/dev/null) == T ]]
}

# Nobody is left to let it go, neither maprace nor the attacher: the kernel does. Where both are stopped it is not stopped at all.
death_killed()
{
	killed_with "$e2e_build/1.27-stripped/dying" 100 4000 large
}

# killed_with PROGRAM COUNT MILLISECONDS ARG...: one that dies after so long
killed_with()
{
	local mode attacher watcher status args
	for mode in stopped killed asleep; do
		args=("$@")
		[[ $mode != asleep ]] || args[2]=12000
		start_target "${args[@]}" || return 1
		watch -q -p "$target" --max-freeze 10s
		why='maprace did not begin'
		wait_until "${starting_s:-10}" text_differs "$target" || return 1
		attacher=$(pgrep -P "$watcher" mr-attacher)
		kill -STOP "$watcher"
		[[ $mode != asleep ]] || kill -STOP "$attacher"
		why='it was not stopped'
		[[ $mode != killed ]] || wait_until "$dying_s" is_stopped || return 1
		[[ $mode != killed ]] || kill -KILL "$watcher" "$attacher"
		why="it did not go on after maprace was $mode"
		wait_until "$dying_s" gone "$target" || return 1
		kill -CONT "$attacher" 2>/dev/null || true
		status=0
		wait "$target" || status=$?
		target=
		why="exit status $status"
		((status == 2)) && grep -qa '^fatal error: concurrent map' "$work/target" || return 1
		kill -KILL "$watcher" 2>/dev/null || true
		wait "$watcher" 2>/dev/null || true
	done
}

# crashes VERSION STATUS WAY...: of the program crashing
crashes()
{
	local version=$1 expected=$2
	shift 2
	status=0
	timeout -k 1 60 "$maprace" watch -q -d 30 -o "$work/out.json" "${watching[@]}" -- "$e2e_build/$version-stripped/crashing" "$@" >"$work/stdout" 2>"$work/stderr" || status=$?
	why="$version $*: exit status $status, not $expected"
	((status == expected)) || return 1
	why="$version $*: $(jq -c '[.deaths[]? | .cause, .message, .not_identified, .snapshot.notes, (.conflict[] | .role, .stack[].function)]' "$work/out.json")"
}

# told CAUSE MESSAGE: and the one that died, by its stack, and the others
told()
{
	jq -e --arg cause "$1" --arg message "$2" '.races == [] and (.deaths | length == 1) and (.deaths[0] |
		.cause == $cause and (.message | test("^" + $message + "$")) and .not_identified == "" and (has("map") | not) and
		([.conflict[].role] == ["died"]) and any(.conflict[0].stack[]; .function | startswith("main.")) and
		.snapshot.unread == 0 and ([.snapshot.groups[] | select(any(.stack[]; .function == "main.beside")) | .count] == [20]))' \
		"$work/out.json" >/dev/null
}

# Whatever it dies of is told, in the runtime's words; what the program itself says only where that is asked for; as it is without us.
death_causes()
{
	local version watching=(--max-freeze 2s) # whatever else the machine does
	for version in 1.19 1.24 1.27; do
		crashes "$version" 2 index && told panic 'runtime error: index out of range \[5\] with length 0' || return 1
		grep -qa '^PROCESS [0-9]* DIED .*): panic: runtime error: index out of range \[5\] with length 0$' "$work/stdout" || return 1
		grep -qaE '^Goroutine 1 died:$' "$work/stdout" || return 1
		grep -qa '^panic: runtime error: index out of range' "$work/stderr" && grep -qa '^goroutine 1 ' "$work/stderr" || return 1
		crashes "$version" 2 nil beside && told panic 'runtime error: invalid memory address or nil pointer dereference' || return 1
		crashes "$version" 2 divide && told panic 'runtime error: integer divide by zero' || return 1
		crashes "$version" 2 nilmap && told panic 'assignment to entry in nil map' || return 1
		crashes "$version" 2 closed && told panic 'send on closed channel' || return 1
		crashes "$version" 2 string && told panic '' || return 1
		grep -qa '^PROCESS [0-9]* DIED .*): panic (what it said is not told, see --panic-values)$' "$work/stdout" || return 1
		crashes "$version" 2 error beside && told panic '' || return 1
		crashes "$version" 2 value && told panic '\(main.coded\)' || return 1
		crashes "$version" 2 again && told panic '' || return 1
		crashes "$version" 2 printing && told throw '' || return 1
		crashes "$version" 2 unlock && told fatal 'sync: unlock of unlocked mutex' || return 1
		crashes "$version" 2 overflow && told throw 'stack overflow' || return 1
		crashes "$version" 3 recovers || return 1
		jq -e 'has("deaths") | not' "$work/out.json" >/dev/null || return 1
	done
	why='not private'
	! grep -qa secret "$work/stdout" "$work/out.json" || return 1
	watching=(--max-freeze 2s --panic-values)
	crashes 1.27 2 string && told panic 'secret 4711' && crashes 1.19 2 error && told panic 'secret 4711' || return 1
	watching=(--no-post-mortem)
	crashes 1.27 2 index || return 1
	jq -e 'has("deaths") | not' "$work/out.json" >/dev/null
}

# Who waits for it, and stops itself when it is stopped, as su and nsenter do, goes on.
death_waiter()
{
	local watching=(--max-freeze 2s)
	status=0
	timeout -k 1 20 "$maprace" watch -q -o "$work/out.json" "${watching[@]}" -- nsenter --pid="/proc/$$/ns/pid" "$e2e_build/1.27-stripped/crashing" index \
		>"$work/stdout" 2>"$work/stderr" || status=$?
	why="exit status $status"
	((status == 2)) && told panic 'runtime error: index out of range \[5\] with length 0'
}

# target_died MESSAGE WATCHER: of Go's own check, as it does without us, and maprace ends after it
target_died()
{
	local status=0
	why='it stands still'
	wait_until 20 gone "$target" || return 1
	wait "$target" || status=$?
	target=
	why="exit status $status"
	((status == 2)) && grep -qa "^fatal error: $1" "$work/target" || return 1
	why='maprace does not end'
	wait_until 20 gone "$2"
}

# Whoever may not send it SIGCONT does not have it stopped: another user, without CAP_KILL, in another session.
death_powerless()
{
	local watcher
	build_program 1.27-stripped "$e2e_dir/programs/dying.go"
	: >"$work/target"
	setsid "$e2e_build/1.27-stripped/dying" 100 3000 large >"$work/target" 2>&1 &
	target=$!
	why='it did not begin'
	wait_until 10 grep -qs ready "$work/target" || return 1
	chmod 777 "$work"
	setsid setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all,+bpf,+perfmon,+sys_ptrace,+dac_override,+sys_admin \
		--ambient-caps=-all,+bpf,+perfmon,+sys_ptrace,+dac_override,+sys_admin \
		"$maprace" watch -q -p "$target" --max-freeze 10s -o "$work/out.json" >"$work/stdout" 2>"$work/stderr" &
	watcher=$!
	why='maprace did not begin'
	wait_until 10 text_differs "$target" || { why+=": $(<"$work/stderr")" && return 1; }
	target_died 'concurrent map' "$watcher" || return 1
	wait "$watcher" || true
	why="not said: $(<"$work/stderr")"
	grep -q 'is not stopped when it dies, .*CAP_KILL' "$work/stderr"
}

# A page of what is looked at does not come: all else is told, and maprace goes on.
death_absent()
{
	local version turn
	for version in 1.19 1.27; do
		build_program "$version-stripped" "$e2e_dir/programs/broken.go"
		for turn in 0 1 2 4 8; do # on a busy machine it takes a while until what is needed has been found
			dies_absent "$version" "$turn" || return 1
			why="$version: $(jq -c '.deaths' "$work/out.json" | cut -c1-600)"
			! jq -e '.deaths[0].snapshot.maps | length > 0' "$work/out.json" >/dev/null || break
		done
		jq -e '.deaths | length == 1 and (.[0] | .cause == "conflict" and .conflict[0].role == "died" and .stopped_ms < 600 and
			(.snapshot.notes | any(test("^a page of its memory did not come"))) and
			all(.snapshot.maps[]; .integrity.verdict != "broken"))' "$work/out.json" >/dev/null || return 1
	done
}

# dies_absent VERSION SECONDS: after so long
dies_absent()
{
	local watcher status
	start_target "$e2e_build/$1-stripped/broken" absent || return 1
	watch -q -p "$target" --max-freeze 400ms
	why="$1: maprace did not begin"
	wait_until 10 text_differs "$target" || return 1
	sleep "$2"
	kill -USR1 "$target"
	target_died 'concurrent map writes' "$watcher" || { why="$1: $why" && return 1; }
	status=0
	wait "$watcher" || status=$?
	why="$1: maprace: exit status $status: $(<"$work/stderr")"
	((status == 66 || status == 0))
}

has_core() # FILE
{
	why="not all of it is in the core file: $(jq -c '.deaths[0].snapshot | .core, .notes' "$work/out.json")"
	jq -e --arg file "$1" '.deaths[0].snapshot.core | .file == $file and .taken == .of and .taken > 1000000' "$work/out.json" >/dev/null || return 1
	why='its owner, its length, or what is said of it'
	[[ $(stat -c '%a %s' "$1") == "600 $(jq '.deaths[0].snapshot.core.bytes' "$work/out.json")" ]] || return 1
	grep -q "^Core file $1: all of its memory, [0-9.]* MB$" "$work/stdout" || return 1
	why='its notes'
	readelf -nW "$1" >"$work/notes" 2>&1
	(($(grep -c NT_PRSTATUS "$work/notes") == $(jq '.deaths[0].snapshot.threads' "$work/out.json")))
}

# What debuggers make of it: core.sh.
death_core()
{
	local version i watching core=$work/made/core
	mkdir "$work/made"
	for version in "${death_versions[@]}"; do
		watching=(--max-freeze 5s --core "$core")
		dies "$e2e_build/$version-stripped/dying" 500 300 large
		died_as_without_us && has_core "$core" || return 1
		rm "$core"
	done
	for ((i = 1; i <= 20; i++)); do # where the machine is busy there may be nothing at all
		watching=(--max-freeze $((12 * i))ms --core "$core")
		dies "$e2e_build/1.27-stripped/dying" 100000 300 large
		died_as_without_us || return 1
		! jq -e '.deaths[0].snapshot.core' "$work/out.json" >/dev/null || break
	done
	why="in part: $(jq -c '.deaths[0].snapshot | .core, .notes' "$work/out.json")"
	jq -e '.deaths[0].snapshot | .core.taken < .core.of and any(.notes[]; startswith("the core file is not complete: "))' "$work/out.json" >/dev/null &&
		[[ $(stat -c %s "$core") == "$(jq '.deaths[0].snapshot.core.bytes' "$work/out.json")" ]]
}

# Two that die.
death_core_each()
{
	local pid watching two='"$0" 10 300 large & "$0" 10 300 large; wait'
	mkdir "$work/made"
	watching=(--max-freeze 5s --core "$work/made/of-%p.core")
	dies sh -c "$two" "$e2e_build/1.27-stripped/dying"
	why="with an id: $(ls "$work/made")"
	(($(jq '.deaths | length' "$work/out.json") == 2)) || return 1
	for pid in $(jq '.deaths[].pid' "$work/out.json"); do
		[[ -s $work/made/of-$pid.core ]] || return 1
	done
	watching=(--max-freeze 5s --core "$work/made/core")
	dies sh -c "$two" "$e2e_build/1.27-stripped/dying"
	why="without: $(jq -c '.deaths[].snapshot | .core, .notes' "$work/out.json")"
	jq -e '.deaths | length == 2 and ([.[] | select(.snapshot.core)] | length) == 1 and
		([.[] | select(any(.snapshot.notes[]; contains("of one that has died before")))] | length) == 1' "$work/out.json" >/dev/null
}

death_programs()
{
	local version
	for version in 1.19 1.24 1.27; do build_program "$version-stripped" "$e2e_dir/programs/crashing.go"; done
	for version in "$@"; do build_program "$version-stripped" "$e2e_dir/programs/dying.go"; done
}

death_all()
{
	local one why
	death_programs 1.19 1.27
	(($#)) || set -- "${death_names[@]}"
	for one; do
		fresh_work "death_$one"
		why=
		if "death_$one"; then
			pass "death: $one"
		else
			fail "death: $one" "$why"
		fi
		cleanup
		target=
	done
}

# once VERSION KEYS MILLISECONDS: a line of what was told
once()
{
	local watching=()
	# shellcheck disable=SC2086 # none is an argument less
	dies "$e2e_build/$1-stripped/dying" 10000 "$3" $2
	jq -r --arg version "$1" --arg keys "${2:-small}" --arg status "$status" '(.deaths // [{}])[0] |
		[$version, $keys, $status, .stopped_ms // -1, .snapshot.goroutines // 0,
			([.conflict[]?.role, (.running[]? | select(any(.stack[]; .function == "main.writes")) | .role)] | join("+")),
		(.not_identified // "none")[0:40]] | @tsv' "$work/out.json"
}

campaign()
{
	local version keys i count=${1:-20} later=${2:-700}
	death_programs 1.19 1.23 1.24 1.27
	fresh_work campaign
	guard '' # takes as long as it is told to
	for version in 1.19 1.23 1.24 1.27; do
		for keys in '' large; do
			for ((i = 0; i < count; i++)); do once "$version" "$keys" "$later"; done
		done
	done | tee "$work/rows" | awk -F'\t' '
		{ key = $1 " " $2; if (!(key in n)) order[++keys] = key; n[key]++; status[key] += $3 == 66; stopped[key, n[key]] = $4
		  pair[key] += $6 ~ /inside/; last[key] += $6 !~ /inside/ && $6 ~ /last/; whole[key] += $5 >= 10000
		  ran[key] += $6 ~ /running/
		  if ($4 > most[key]) most[key] = $4; late[key] += $4 > 50 }
		END { print "go keys: deaths, both by their stacks, the other one as it stood after, among those that ran, all goroutines, longest stop in ms, longer than 50 ms"
		  for (i = 1; i <= keys; i++) { k = order[i]
			printf "%s: %d, %d, %d, %d, %d, %.1f, %d\n", k, status[k], pair[k], last[k], ran[k], whole[k], most[k], late[k] } }'
}

not_held()
{
	! grep -qs '^TracerPid:[[:blank:]]*[1-9]\|^State:[[:blank:]]*[tT]' "/proc/$target"/task/*/status
}

# While it lives: as many as there is time for, and the others are said to be missing.
million_alive() # PROGRAM
{
	start_target "$1" "$million" 3600000 || return 1
	status=0
	"$maprace" snapshot -p "$target" -q -o "$work/out.json" >"$work/stdout" 2>"$work/stderr" || status=$?
	why="snapshot: status $status, $(jq -c '.snapshots[0] | .freeze_ms, .goroutines, .unread, .notes' "$work/out.json")"
	echo "# alive: $(jq -c '.snapshots[0] | [.freeze_ms, .goroutines, .unread]' "$work/out.json")"
	((status == 0)) && jq -e --argjson n "$million" '.snapshots[0] | .freeze_ms < 350 and .goroutines > 1000 and .unread > 0 and .goroutines + .unread >= $n and
		any(.notes[]; contains("entries of the list of goroutines were not read"))' "$work/out.json" >/dev/null || return 1
	why='it is still held'
	wait_until 1 not_held
	kill -KILL "$target" && { wait "$target" 2>/dev/null || true; }
	target=
}

# It dies as without us: its own list is complete. The pair, the map, and what there was no time for.
million_dies() # PROGRAM
{
	local i watching=()
	for ((i = 0; i < 5; i++)); do
		status=0
		"$maprace" watch -q -d 3600 -o "$work/out.json" -- "$1" "$million" 2000 large >"$work/stdout" 2>"$work/stderr" || status=$?
		echo "# dead: $(jq -c '.deaths[0] | [.stopped_ms, .snapshot.goroutines, .snapshot.unread, .not_identified, [.conflict[].role]]' "$work/out.json")"
		why="it dies with status $status, $(jq -c '.targets[0].exit' "$work/out.json"), and prints $(grep -ac '^goroutine [0-9]' "$work/stderr") goroutines"
		died_as_without_us && jq -e '.targets[0].exit.code == 2' "$work/out.json" >/dev/null &&
			(($(grep -ac '^goroutine [0-9]' "$work/stderr") >= million)) || return 1
		why="$(jq -c '.deaths[0] | .stopped_ms, .snapshot.unread, .snapshot.notes, .not_identified' "$work/out.json")"
		jq -e --argjson n "$million" '.deaths[0] | .stopped_ms < 550 and .conflict[0].role == "died" and .snapshot.unread > 0 and
			.snapshot.goroutines + .snapshot.unread >= $n and
			((.snapshot.maps | length) == 1 or any(.snapshot.notes[]; startswith("the map was not looked at: "))) and
			any(.snapshot.notes[]; contains("entries of the list of goroutines were not read"))' "$work/out.json" >/dev/null || return 1
		jq -e '[.deaths[0].conflict[].role] != ["died", "inside"]' "$work/out.json" >/dev/null || break
	done
	why="not both are named: $why"
	((i < 5))
}

million()
{
	local version one why million=1000000 starting_s=300 dying_s=900 case_seconds=7200
	(($#)) || set -- 1.19 1.24
	for version; do
		build_program "$version-stripped" "$e2e_dir/programs/dying.go"
		for one in alive dies; do
			fresh_work "million_$one"
			why=
			if "million_$one" "$e2e_build/$version-stripped/dying"; then
				pass "a million: $one, Go $version"
			else
				rm -f "$work/stderr" "$work/out.json"
				fail "a million: $one, Go $version" "$why"
			fi
			cleanup
			target=
		done
	done
	fresh_work million_killed
	if killed_with "$e2e_build/$1-stripped/dying" "$million" 8000 large; then
		pass "a million: maprace is killed, Go $1"
	else
		rm -f "$work"/target*
		fail "a million: maprace is killed, Go $1" "$why"
	fi
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	if [[ ${1:-} == million ]]; then
		million "${@:2}"
		finish
		exit
	fi
	if [[ ${1:-} == campaign ]]; then
		campaign "${@:2}"
		exit
	fi
	death_all "$@"
	finish
fi
