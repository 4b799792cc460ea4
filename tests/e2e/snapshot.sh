#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `maprace snapshot`: goroutines in known states, maps with known contents and maps that were broken on purpose, what the target and
# its parent see of it, and processes of which there is no snapshot.
#
# usage: tests/e2e/snapshot.sh [NAME]...      e.g. snapshot.sh states broken
#        tests/e2e/snapshot.sh billion [VERSION]...      by hand: a map of a billion entries, of which 15 GB of memory are needed
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/errors.sh
. "$(dirname "${BASH_SOURCE[0]}")/errors.sh"

snapshot_names=(states labels container maps large load broken type unseen killed held refused formats core)
snapshot_versions=(1.19 1.23 1.24 1.27)
# The default is for services on machines that have CPUs to spare. Other tests run at real-time priority beside this one.
freeze=(--max-freeze 5s)

# In `make test` only a part of what has many combinations; alone, or with --all, all of it.
is_quick()
{
	[[ ${scope:-all} != all ]]
}

snapshot()
{
	status=0
	timeout -k 1 30 "$maprace" snapshot -p "$target" "${freeze[@]}" -q -o "$work/out.json" "$@" >"$work/stdout" 2>"$work/stderr" ||
		status=$?
}

# line_of PROGRAM MARK: the number of the line that ends in the mark
line_of()
{
	grep -n "// @$2\$" "$e2e_dir/programs/$1.go" | cut -d: -f1
}

# groups FILTER...: what jq says of the snapshot's groups
groups()
{
	jq -r ".snapshots[0].groups[] | $1" "$work/out.json"
}

declare -A marks=()

# stands STATE WAIT COUNT FUNCTION@MARK...: in `got`, a group of so many, with these frames of package main and no others, innermost first
stands()
{
	local state=$1 wait=$2 count=$3 frame mark want=''
	shift 3
	for frame; do
		mark=${frame#*@}
		[[ -n ${marks[$mark]:-} ]] || marks[$mark]=$(line_of standing "$mark")
		want+=" ${frame%@*}:${marks[$mark]}"
	done
	grep -qxF "$state|$wait|$count|$want" <<<"$got" || {
		why="no group '$state|$wait|$count|$want' in: $got"
		return 1
	}
}

snapshot_states_of()
{
	local lock=semacquire deep=(main.deep@bottom) got i
	[[ $1 == 1.19 ]] || lock=sync.Mutex.Lock
	for ((i = 0; i < 40; i++)); do deep+=(main.deep@deep); done
	start_target "$e2e_build/$1-stripped/standing" || return 1
	snapshot
	why="exit status $status"
	((status == 0)) || return 1
	got=$(groups 'select(.system|not) | "\(.state)|\(.wait)|\(.count)|" +
		([.stack[] | select(.function|startswith("main.")) | select(.function|startswith("main.main.func")|not)
		| " \(.function):\(.line)"]|join(""))')
	stands waiting 'chan receive' 7 main.receiving@receive || return 1
	stands waiting 'chan send' 1 main.sending@send || return 1
	stands waiting select 1 main.selecting@select || return 1
	stands waiting "$lock" 1 main.locking@lock || return 1
	stands waiting sleep 1 main.sleeping@sleep || return 1
	stands syscall '' 1 main.inSyscall@syscall || return 1
	stands syscall '' 1 main.polling@poll || return 1
	stands waiting 'IO wait' 1 main.waitingIO@io || return 1
	stands waiting 'chan receive' 1 "${deep[@]}" || return 1
	why='the running one is not there with its inlined frame'
	[[ $(groups 'select(any(.stack[]; .function == "main.spinning")) | .state') =~ ^(running|runnable|preempted)$ ]] || return 1
	[[ $(groups 'select(any(.stack[]; .function == "main.spinning")) | [.stack[] | select(.function|startswith("main.")) | "\(.function):\(.inlined)"] | join(" ")') =~ ^(main.leaf:false )?main.around:true\ main.spinning:false$ ]] ||
		[[ $(groups 'select(any(.stack[]; .function == "main.spinning")) | [.stack[] | select(.function|startswith("main.")) | .function] | join(" ")') == main.spinning ]] || return 1
	why='a stack ended early, or where they were made is not said'
	[[ -z $(groups 'select(.truncated or .approximate) | .state') ]] || return 1
	[[ $(groups 'select(.wait == "sleep" and any(.stack[]; .function == "main.sleeping")) | "\(.created_by.function):\(.created_by.line)"') == main.stands:$(line_of standing made) ]] ||
		return 1
	why='not as many goroutines as there are'
	(($(groups 'select(.system|not) | .count' | awk '{ n += $1 } END { print n }') == 18)) || return 1
	cleanup
	target=
}

snapshot_states()
{
	local version
	for version in "${snapshot_versions[@]}"; do
		snapshot_states_of "$version" || return 1
	done
}

# Profiler labels, a map before Go 1.24 and a list since.
snapshot_labels()
{
	local version
	for version in 1.19 1.23 1.24 1.27; do
		build_program "$version-stripped" "$e2e_dir/programs/labels.go" "$e2e_dir/programs/phases.go"
		start_target "$e2e_build/$version-stripped/labels" || return 1
		snapshot
		why="$version: exit status $status, $(groups '.labels // empty' | tr -d ' \n')"
		((status == 0)) || return 1
		[[ $(jq -c '[.snapshots[0].groups[].labels[]? | .count, .labels] | sort' "$work/out.json") == \
			'[1,1,{"handler":"add","tenant":"seven"},{"handler":"show","tenant":"seven"}]' ]] || return 1
		cleanup
		target=
	done
}

# In a PID namespace of its own a thread has another id than the one that we see.
snapshot_container()
{
	unshare --pid --fork true 2>/dev/null || return 0 # none may be made here
	start_target unshare --pid --fork --kill-child "$e2e_build/1.24-stripped/standing" || return 1
	target=$(pgrep -P "$target")
	snapshot
	why="exit status $status"
	((status == 0)) || return 1
	why='the stack of the one that runs is not there'
	[[ $(groups 'select(.created_by != null and (.truncated or .approximate)) | .state') == '' ]] || return 1
	groups 'select(any(.stack[]; .function == "main.spinning")) | .state' | grep -q . || return 1
	cleanup
	target=
}

# The maps that the target has told of become options in `maps`.
told_maps()
{
	local addr type
	maps=()
	while read -r _ addr _ type; do maps+=(--map "$addr=$type"); done < <(grep '^map ' "$work/target")
}

# verdicts: "VERDICT COUNT" of the snapshot's maps
verdicts()
{
	jq -r '.snapshots[0].maps[].integrity.verdict' "$work/out.json" | sort | uniq -c | awk '{ printf "%s%s %d", n++ ? " " : "", $2, $1 }'
}

snapshot_maps()
{
	local version
	if is_quick; then
		snapshot_maps_of 1.23 on && snapshot_maps_of 1.27 off
		return
	fi
	for version in "${snapshot_versions[@]}"; do
		snapshot_maps_of "$version" on && snapshot_maps_of "$version" off || return 1
	done
}

snapshot_maps_of()
{
	local version=$1 expected
	GODEBUG=cpu.aes=$2 start_target "$e2e_build/$version-stripped/shapes" small || return 1
	told_maps
	snapshot "${maps[@]}"
	why="$version, AES $2: exit status $status, verdicts: $(verdicts)"
	# all but the one with a NaN
	((status == 0)) && [[ $(verdicts) == "intact $((${#maps[@]} / 2 - 1)) part-intact 1" ]] || return 1
	why="$version, AES $2: not as many entries as the program says"
	expected=$(awk '/^map / { print $3 }' "$work/target")
	[[ $(jq -r '.snapshots[0].maps[].entries' "$work/out.json") == "$expected" ]] || return 1
	cleanup
	target=
}

# in_part PROGRAM ENTRIES FREEZE_MS: of a map that takes longer than that, what was looked at agrees, and how much that was is said
in_part()
{
	starting_s=3600 start_target "$1" "$2" || return 1
	map=$(sed -n 's/^map //p' "$work/target")
	for _ in 1 2 3; do # where others have the CPUs, maprace may be too late even to begin
		snapshot --map "$map" --max-freeze "$3ms"
		((status)) || break
	done
	echo "# $2 entries: $(jq -c '.snapshots[0] | [.freeze_ms, .maps[0].integrity.checked]' "$work/out.json")"
	why="in part: status $status, $(jq -c '.snapshots[0] | .freeze_ms, .maps' "$work/out.json")"
	((status == 0)) && jq -e --argjson n "$2" --argjson most "$3" '.snapshots[0] | .freeze_ms < $most + 50 and (.maps[0] |
		.map.len == $n and .integrity.verdict == "part-intact" and .integrity.checked > 1000 and .entries < $n and
		.integrity.checked <= .entries and .entries <= .slots_seen and .heat_seen <= (.heat | length) and
		(.integrity.reason | contains("--max-freeze")))' "$work/out.json" >/dev/null
}

# A map that is larger than the time that there is for it.
snapshot_large()
{
	local version map entries=6000000
	for version in 1.19 1.24; do
		build_program "$version-stripped" "$e2e_dir/programs/huge.go"
		in_part "$e2e_build/$version-stripped/huge" $entries 200 || return 1
		jq -e '.snapshots[0].maps[0] | .heat_seen < (.heat | length)' "$work/out.json" >/dev/null || return 1
		snapshot --map "$map" --max-freeze 20s
		why="all of it: status $status, $(jq -c '.snapshots[0] | .freeze_ms, .maps' "$work/out.json")"
		((status == 0)) && jq -e --argjson n "$entries" '.snapshots[0].maps[0] | .integrity.verdict == "intact" and
			([.map.len, .entries, .integrity.checked] | unique == [$n]) and .slots_seen == .capacity and
			.heat_seen == (.heat | length)' "$work/out.json" >/dev/null || return 1
		cleanup
		target=
	done
}

snapshot_billion()
{
	local version map
	(($#)) || set -- 1.19 1.24
	for version; do
		build_program "$version-stripped" "$e2e_dir/programs/huge.go"
		in_part "$e2e_build/$version-stripped/huge" 1000000000 250 || return 1
		cleanup
		target=
	done
}

# Maps that are used as fast as it goes, under locks: never called broken.
snapshot_load()
{
	local version i
	for version in 1.23 1.24; do
		start_target "$e2e_build/$version-stripped/shapes" small load || return 1
		told_maps
		for ((i = 0; i < 4; i++)); do
			snapshot "${maps[@]}"
			why="$version: exit status $status, verdicts: $(verdicts)"
			((status == 0)) && [[ $(verdicts) != *broken* && $(verdicts) != *unchecked* ]] || return 1
		done
		why="$version: the target was harmed"
		stop_target || return 1
	done
}

# break_all VERSION HOW=PATTERN...: each map is called broken, and the first defect that is found in it is of that kind
break_all()
{
	local version=$1 one i=0 found
	shift
	start_target "$e2e_build/$version-stripped/broken" "${@%%=*}" || { why="$version: the target did not start" && return 1; }
	told_maps
	snapshot "${maps[@]}"
	why="$version: exit status $status"
	((status == 66)) || return 1
	for one; do
		found=$(jq -r ".snapshots[0].maps[$i].integrity | \"\(.verdict) \(.broken[0].where): \(.broken[0].what)\"" "$work/out.json")
		why="$version ${one%%=*}: $found"
		[[ $found == broken\ * ]] && grep -q "${one#*=}" <<<"${found#broken }" || return 1
		i=$((i + 1))
	done
	cleanup
	target=
}

snapshot_broken()
{
	local key='key.s hash says 0x' no_key='its key refers to what is not in memory' no_elem='its element refers to what is not in memory'
	local stuck='^header: it says that a writer is inside, and no goroutine is'
	break_all 1.24 'count=^header: the map says that it has 1001 entries, and 1000 are there' \
		"control=^table 0, group .*: its control byte is 0x.., and its $key" 'strange=its control byte is 0x81, which no slot has' \
		'twin=its key is also in table 0, group' 'directory=^table 1: its index is 0, and it is directory entry 1' \
		"stuck=$stuck" 'writer=^header: its mark of a writer is 0xff' "torn=$no_key" || return 1
	break_all 1.19 "tophash=^bucket .*: its tophash is 0x.., and its $key" 'loop=its chain of overflow buckets comes back to itself' \
		'evacuated=^old bucket .*: it is not moved, and the map says that all before' "element=$no_elem" || return 1
	! is_quick || return 0
	break_all 1.24 'tombstone=^table 0: it says that it has .* entries' 'growth=it says that .* may be added' \
		'small=^slot .: its control byte' 'key=its control byte is' "element=$no_elem" || return 1
	break_all 1.27 "pointer=$no_key" "control=^table 0, group .*: its control byte is 0x.., and its $key" "stuck=$stuck" || return 1
	break_all 1.19 'twin=its key is also in bucket' 'moved=its tophash is 0x02, which marks what was moved away' \
		'ended=it stands behind the mark that says that nothing follows' "stuck=$stuck" "torn=$no_key" || return 1
	break_all 1.23 "length=$no_key" 'count=^header: the map says that it has 1001 entries'
}

# says ADDR[=TYPE] PATTERN: verdict and reason
says()
{
	snapshot --map "$1"
	why="$1: exit status $status, $(jq -c '.snapshots[0].maps[0].integrity' "$work/out.json" 2>/dev/null)"
	((status == 0)) && jq -r '.snapshots[0].maps[0].integrity | "\(.verdict): \(.reason)"' "$work/out.json" | grep -qx "$2"
}

# A type that was given wrong, and an address where another thing is by now, are no broken map.
snapshot_type()
{
	local addr
	start_target "$e2e_build/1.24-stripped/broken" none || return 1
	read -r _ addr _ < <(grep '^map ' "$work/target")
	says "$addr=map[string]int" 'unchecked: hardly anything of it agrees with map.string.int: .*; all of it agrees with map.int.int' || return 1
	says "$addr=map[int][200]uint8" 'unchecked: hardly anything of it agrees .*; all of it agrees with map.int.int' || return 1
	says "$(printf '%#x=map[int]int' $((addr + 8)))" 'unchecked: .*' || return 1
	cleanup
	target=
}

# A parent that controls jobs sees nothing of it, and calls that wait in the kernel are not ended by it.
snapshot_unseen()
{
	local i parent
	# Go's own signals, by which it takes goroutines off their threads, end such calls too
	GODEBUG=asyncpreemptoff=1 start_target "$e2e_build/watched" "$e2e_build/1.24-stripped/standing" || return 1
	parent=$target
	target=$(sed -n 's/^child //p' "$work/target")
	for ((i = 0; i < 5; i++)); do
		snapshot
		why="exit status $status"
		((status == 0)) || return 1
	done
	kill -TERM "$target"
	target=$parent
	why='the parent saw something, or a call was ended'
	wait_until 10 grep -q '^end:' "$work/target" || { why='the target did not end' && return 1; }
	why+=": $(grep '^end' "$work/target" | paste -sd ' ')"
	grep -qx 'end: stops 0, signals 1, status 0' "$work/target" && grep -qx 'ended for no reason: 0' "$work/target" || return 1
	wait "$parent"
	target=
}

# traced PID: whether anybody traces a thread of it, or one of them is stopped
traced()
{
	grep -qs '^TracerPid:[[:blank:]]*[1-9]\|^State:[[:blank:]]*[tT]' "/proc/$1"/task/*/status
}

untraced()
{
	! traced "$1"
}

# frozen_for MS: a process stands still, and maprace waits for a page of it that does not come, for so long
frozen_for()
{
	"$maprace" snapshot -p "$target" --max-freeze "$1ms" --map "$addr=$type" >"$work/stdout" 2>"$work/stderr" &
	pid=$!
	wait_until 10 traced "$target"
}

# ended STATUS: that maprace ends with, soon
ended()
{
	wait_until 10 gone "$pid" || { kill -KILL "$pid" && why+=': maprace does not end' && return 1; }
	status=0
	wait "$pid" || status=$?
	why+=": exit status $status: $(<"$work/stderr")"
	((status == $1))
}

# Each time the target stands still; snapshots.sh kills at any moment.
snapshot_killed()
{
	local pid i addr type
	start_target "$e2e_build/1.24-stripped/broken" absent || return 1
	read -r _ addr _ type < <(grep '^map ' "$work/target")
	for ((i = 0; i < 5; i++)); do
		why='it was not frozen'
		frozen_for 5000 || return 1
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null || true
		why='it is still traced, or stopped'
		wait_until 2 untraced "$target" || return 1
	done
	why='the target does not go on'
	snapshot
	((status == 0)) && stop_target
}

# Whatever happens to maprace in the freeze, or to the target: that is not held.
snapshot_held()
{
	local pid helper addr type
	start_target "$e2e_build/1.24-stripped/broken" absent || return 1
	read -r _ addr _ type < <(grep '^map ' "$work/target")
	snapshot --map "$addr=$type" --max-freeze 500ms
	why="a page that does not come: exit status $status: $(<"$work/stderr")"
	((status == 0)) && jq -e '.snapshots[0] | (.notes | any(test("^a page of its memory did not come"))) and .goroutines >= 2 and
		(.groups | any(.stack[0].function == "main.main" or .stack[-1].function == "main.main")) and
		(.maps[0].integrity | .reason == "a page of it did not come" and (.verdict | test("^(unchecked|part-intact)$")))' "$work/out.json" >"$work/jq" &&
		wait_until 5 untraced "$target" || return 1
	why='maprace was stopped, all of it'
	frozen_for 1500 || return 1
	helper=$(pgrep -P "$pid" || true)
	# shellcheck disable=SC2086 # none, or one
	kill -STOP "$pid" $helper
	wait_until 5 untraced "$target" || { kill -KILL "$pid" && return 1; }
	kill -CONT "$pid"
	ended 1 || return 1
	why='a signal that ends maprace'
	frozen_for 5000 || return 1
	kill -INT "$pid" && kill -TERM "$pid"
	wait_until 2 untraced "$target" && ended 143 || return 1
	why='the target was harmed'
	stop_target && start_target "$e2e_build/1.24-stripped/broken" absent || return 1
	read -r _ addr _ type < <(grep '^map ' "$work/target")
	why='the target was killed'
	frozen_for 5000 || return 1
	kill -KILL "$target"
	wait "$target" 2>/dev/null || true
	wait_until 2 untraced "$target" && ended 1 && grep -q 'ended while it was looked at' "$work/stderr" || return 1
	target=
}

# declined NAME PATTERN: one line that says so, and status 1
declined()
{
	snapshot
	why="$1: exit status $status, $(<"$work/stderr")"
	((status == 1)) && (($(grep -c 'error: ' "$work/stderr") == 1)) && grep -q "error: .*$2" "$work/stderr"
}

snapshot_refused()
{
	local freeze=(--max-freeze 5s) pid holder
	sleep 1000 &
	target=$!
	declined 'not Go' 'is not a Go program' || return 1
	cleanup
	wait "$target" 2>/dev/null || true
	declined 'gone' "no process has the id $target" || return 1
	"$e2e_build/386/sleeper" >"$work/target" 2>&1 &
	target=$!
	wait_until 10 grep -qs '^ready' "$work/target" || return 1
	declined '32 bits' '32-bit\|386' || return 1
	cleanup
	start_target "$e2e_build/1.24-stripped/standing" || return 1
	pid=$target
	"$e2e_build/holder" "$pid" >"$work/holder" 2>&1 &
	holder=$!
	wait_until 10 grep -qs '^holding' "$work/holder" || return 1
	declined 'traced by somebody else' "process $pid cannot be frozen: process [0-9]* traces it already" || return 1
	kill -KILL "$holder" # else nobody can wait for what it traces
	cleanup
	start_target "$e2e_build/1.24-stripped/standing" || return 1
	freeze=(--max-freeze 1us)
	declined 'no time' "process $target .*cannot be frozen\|process $target was let go before anything was read" || return 1
	why='it is still traced, or stopped'
	wait_until 2 untraced "$target" || return 1
	cleanup
	start_target "$e2e_build/1.24-stripped/sleepless" || return 1
	pid=$(sed -n 's/^child //p' "$work/target")
	freeze=(--max-freeze 300ms)
	declined 'uninterruptible sleep' "process $target cannot be frozen: its thread [0-9]* is in uninterruptible sleep" || return 1
	kill -KILL "$pid"
	why='the target was harmed'
	wait_until 10 grep -q '^the child has ended' "$work/target" && stop_target
}

snapshot_formats()
{
	local i
	start_target "$e2e_build/1.24-stripped/standing" || return 1
	for ((i = 0; i < 50; i++)); do # the one that runs is now and then between two calls
		snapshot -o "$work/out.pb.gz" -o "$work/out.txt"
		why="exit status $status"
		((status == 0)) || return 1
		! groups '.stack[] | .function' | grep -qx main.around || break
	done
	go_root 1.24
	why='go tool pprof does not read it so'
	GOROOT=$goroot "$goroot/bin/go" tool pprof -top -cum "$work/out.pb.gz" >"$work/pprof" 2>&1 || return 1
	grep -q '^Type: goroutine$' "$work/pprof" || return 1
	grep -Eq '^ +0 +0% +[0-9.]+% +7 +[0-9.]+% +main\.receiving$' "$work/pprof" || return 1
	grep -Eq ' main\.around \(inline\)$' "$work/pprof" || return 1
	rm "$work/out.pb.gz"
	why='the text does not say so'
	grep -q '^  \[the same call 39 more times\]$' "$work/out.txt" || return 1
	grep -q '^7 goroutines: waiting, chan receive' "$work/out.txt" && grep -q '^Frozen for .*: [0-9]* threads, [0-9]* goroutines' "$work/out.txt" ||
		return 1
	cleanup
	target=
}

# refuses_core FILE WORDS
refuses_core()
{
	snapshot --core "$1"
	why="--core $1: exit status $status, $(<"$work/stderr")"
	((status == 1)) && grep -q "$2" "$work/stderr"
}

# What debuggers make of it: core.sh.
snapshot_core()
{
	local core=$work/made/core threads
	mkdir "$work/made" # of what fails all files beside it are shown
	start_target "$e2e_build/1.24-stripped/standing" || return 1
	snapshot --core "$core" -o "$work/out.txt"
	why="exit status $status"
	((status == 0)) || return 1
	why='the file is not for its owner alone, or not all is in it'
	[[ $(stat -c '%a %s' "$core") == "600 $(jq '.snapshots[0].core.bytes' "$work/out.json")" ]] || return 1
	jq -e '.snapshots[0].core | .taken == .of and .taken > 1000000' "$work/out.json" >/dev/null || return 1
	grep -q "^Core file $core: all of its memory, [0-9.]* MB$" "$work/out.txt" || return 1
	why='readelf does not like it'
	readelf -lW "$core" >"$work/segments" 2>&1 && ! grep -qi 'warning\|error' "$work/segments" || return 1
	readelf -nW "$core" 2>&1 | cut -c1-80 >"$work/notes"
	why='segments or notes are missing'
	grep -q '^Elf file type is CORE' "$work/segments" || return 1
	(($(grep -Ec '^ +LOAD .* RW ' "$work/segments") >= 5)) || return 1
	threads=$(jq '.snapshots[0].threads' "$work/out.json")
	(($(grep -c NT_PRSTATUS "$work/notes") == threads && $(grep -c NT_FPREGSET "$work/notes") == threads)) || return 1
	(($(grep -c 'NT_PRPSINFO\|NT_AUXV\|NT_FILE' "$work/notes") == 3)) || return 1
	rm "$core"
	refuses_core "$work" 'is a directory' || return 1
	refuses_core /dev/null 'is no regular file' || return 1
	refuses_core "$work/missing/core" 'cannot write' || return 1
	cleanup
	target=
}

snapshot_programs()
{
	local version name
	for version in "${snapshot_versions[@]}"; do
		build_program "$version-stripped" "$e2e_dir/programs/standing.go"
		build_program "$version-stripped" "$e2e_dir/programs/shapes.go"
		build_program "$version-stripped" "$e2e_dir/programs/broken.go"
	done
	build_program 1.24-stripped "$e2e_dir/programs/sleepless.go"
	errors_build
	for name in watched holder; do
		[[ $e2e_build/$name -nt $e2e_dir/programs/$name.c ]] || ${CC:-cc} -O -Wall -o "$e2e_build/$name" "$e2e_dir/programs/$name.c"
	done
}

snapshot_all()
{
	local one why
	snapshot_programs
	(($#)) || set -- "${snapshot_names[@]}"
	for one; do
		fresh_work "snapshot_$one"
		why=
		if "snapshot_$one"; then
			pass "snapshot: $one"
		else
			fail "snapshot: $one" "$why"
		fi
		cleanup
		target=
	done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	if [[ ${1:-} == billion ]]; then
		case_seconds=7200
		fresh_work snapshot_billion
		if snapshot_billion "${@:2}"; then pass 'snapshot: billion'; else fail 'snapshot: billion' "$why"; fi
		finish
		exit
	fi
	snapshot_all "$@"
	finish
fi
