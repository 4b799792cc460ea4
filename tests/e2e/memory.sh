#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Services that use up their memory: which thresholds are told, what their heap keeps, and whether their death is told as what it is.
#
# usage: tests/e2e/memory.sh [NAME]...      e.g. memory.sh killed given
#        tests/e2e/memory.sh killed_often [COUNT]    by hand, for docs/memory.md: so many deaths of each version (10)
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

memory_names=(killed given uncollected bare calm jumped another)
memory_versions=(1.19 1.23 1.24 1.27)

memory_programs() # VERSION...
{
	local version
	for version; do
		build_program "$version-stripped" "$e2e_dir/programs/leaking_profiled.go" "$e2e_dir/programs/leaking.go"
		build_program "$version-stripped" "$e2e_dir/programs/leaking.go"
	done
}

# group_with_limit BYTES: a control group of its own, below ours, as $group; status 1 where none can be made
group_with_limit()
{
	local file
	group=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup) file=memory.limit_in_bytes
	if [[ ! -w $group/$file ]]; then
		group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup) file=memory.max
		grep -qs memory "$group/cgroup.subtree_control" || return 1
	fi
	group=${group%/}/maprace-$$
	mkdir "$group" && echo "$1" >"$group/$file"
}

group_gone()
{
	rmdir "$group" 2>/dev/null
}

# leaks PROGRAM ARG...: in $group, watched; $status and the rest in $work
leaks()
{
	local program=$1
	shift
	status=0
	# shellcheck disable=SC2016 # the inner shell's
	timeout -k 1 100 "$maprace" watch -q --memory-dir "$work" -o "$work/out.json" "${watching[@]}" -- \
		bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$program" "$@" >"$work/stdout" 2>"$work/stderr" || status=$?
}

rows()
{
	jq -c '[.memory[] | if .event == "oom-kill" then "killed" else .percent end]' "$work/out.json"
}

# top_of FILE: the function that keeps most, by Go's own tool
top_of()
{
	go_root 1.24
	HOME=$work "$goroot/bin/go" tool pprof -top "$1" 2>/dev/null | awk '/flat%/ { getline; print $NF; exit }'
}

is_killed()
{
	why="exit status $status"
	((status == 137)) || return 1
	why="told: $(rows)"
	[[ $(rows) == '[80,92,97,"killed"]' ]] || return 1
	why="the death was not certain, or the limit is another: $(jq -c '[.memory[] | [.at_s, .alone, .limit, .used_bytes]]' "$work/out.json")"
	jq -e '.memory[3].alone and all(.memory[]; .limit.kind | startswith("cgroup-v")) and all(.memory[]; .limit.bytes == 134217728)' \
		"$work/out.json" >/dev/null || return 1
	jq -e '[.memory[] | .used_bytes] | sort == . and .[0] >= 0.8 * 134217728' "$work/out.json" >/dev/null || return 1
	# at the second threshold, or at the third where both are passed between two looks
	why="the heap: $(jq -c '[.memory[].heap]' "$work/out.json")"
	jq -e '[.memory[1, 2].heap | select(.)][0] | .known and .sites[0].at.function == "main.remember" and .sites[0].at.line > 0 and .inuse_bytes > 20e6' \
		"$work/out.json" >/dev/null || return 1
	why="by go tool pprof: $(top_of "$(jq -r '[.memory[1, 2].heap | select(.)][0].file' "$work/out.json")")"
	[[ $why == *': main.remember' ]]
}

memory_killed()
{
	local version watching=()
	for version in "${memory_versions[@]}"; do
		group_with_limit 134217728 || { skipped_here=yes && skip 'memory killed' 'no control group with a limit can be made here' && return 0; }
		leaks "$e2e_build/$version-stripped/leaking_profiled" 15
		wait_until 10 group_gone || true
		is_killed || return 1
		why='the text does not tell'
		grep -qa "^PROCESS [0-9]* WAS KILLED, most likely by the kernel's OOM killer " "$work/stdout" || return 1
	done
}

# Attached, and by a limit of ours: it goes on unharmed, and what it is doing is told.
memory_given()
{
	local version watcher
	for version in 1.19 1.27; do
		start_target "$e2e_build/$version-stripped/leaking_profiled" 10 60 100 || return 1
		watch -p "$target" --memory-limit 64M --max-freeze 2s --json
		why='not all thresholds are told'
		wait_until 60 eval '(($(grep -ca "\"type\":\"memory\"" "$work/stdout") >= 3))' || return 1
		kill -INT "$watcher"
		wait "$watcher" || { why='exit status' && return 1; }
		why="told: $(rows)"
		[[ $(rows) == '[80,92,97]' ]] || return 1
		why="$(jq -c '[.memory[] | .limit, .heap.missing, .snapshot.notes]' "$work/out.json")"
		jq -e 'all(.memory[]; .limit == {kind: "given", bytes: 67108864, where: null}) and (.memory[0] | has("heap") | not) and
			(.memory[2].heap.sites[0].at.function == "main.remember") and (.memory[2].heap.with_recent | not) and
			([.memory[1, 2].snapshot.groups[] | select(any(.stack[]; .function == "main.handler")) | .count] == [20, 20]) and
			all(.memory[1, 2]; .snapshot.freeze_ms < 2000)' "$work/out.json" >/dev/null || return 1
		why='it was harmed'
		! gone "$target" || return 1
		kill -KILL "$target"
		wait "$target" 2>/dev/null || true
		target=
	done
}

# Where no garbage is collected the profile is of all that was allocated, and that is said.
memory_uncollected()
{
	local version
	for version in 1.19 1.27; do
		GOGC=off timeout -k 1 60 "$maprace" watch -q --memory-limit 64M -o "$work/out.json" -- \
			"$e2e_build/$version-stripped/leaking_profiled" 20 60 6 >"$work/stdout" 2>"$work/stderr" || { why="status $?" && return 1; }
		why="$(jq -c '[.memory[] | .percent, .heap]' "$work/out.json")"
		jq -e '(.memory | length == 3) and (.memory[2].heap | .known and .with_recent and .sites[0].at.function == "main.remember" and
			.sites[1].at.function == "main.forget" and .inuse_bytes == .alloc_bytes and .inuse_bytes > 20e6)' "$work/out.json" >/dev/null || return 1
	done
}

# Who does not sample has no profile, and that is said.
memory_bare()
{
	local version
	for version in 1.19 1.27; do
		timeout -k 1 60 "$maprace" watch -q --memory-limit 32M --memory-dir "$work" -o "$work/out.json" -- \
			"$e2e_build/$version-stripped/leaking" 20 40 6 >"$work/stdout" 2>"$work/stderr" || { why="status $?" && return 1; }
		why="$(jq -c '[.memory[] | .percent, .heap]' "$work/out.json")"
		jq -e '(.memory | length == 3) and .memory[2].heap and all(.memory[] | select(.heap); .heap | (.known | not) and (.missing | test("MemProfileRate is 0")) and
			.file == null and .sites == [])' "$work/out.json" >/dev/null || return 1
		why='a profile was written'
		[[ -z $(find "$work" -name 'heap-*') ]] || return 1
		grep -qa '^done$' "$work/stdout" || { why='it was harmed' && return 1; }
	done
}

# limits_here: how many control groups above us have one, of either version
limits_here()
{
	local path root file n=0
	while IFS=: read -r _ root path; do
		case $root in
		*memory*) root=/sys/fs/cgroup/memory file=memory.limit_in_bytes ;;
		'') root=/sys/fs/cgroup file=memory.max && [[ ! -d $root/unified ]] || root=$root/unified ;;
		*) continue ;;
		esac
		while [[ $path == /* ]]; do
			! grep -qsE '^[0-9]{1,15}$' "$root$path/$file" || n=$((n + 1))
			[[ $path != / ]] || break
			path=${path%/*}
			path=${path:-/}
		done
	done </proc/self/cgroup
	echo "$n"
}

# Far from any limit nothing is told; without the option not even looked.
memory_calm()
{
	timeout -k 1 60 "$maprace" watch -q --memory --memory-limit 2G -o "$work/out.json" -- "$e2e_build/1.24-stripped/leaking" 20 10 3 \
		>"$work/stdout" 2>"$work/stderr" || { why="status $?" && return 1; }
	why="told: $(rows)"
	[[ $(rows) == '[]' && $(<"$work/stdout") == $'ready\ndone' ]] || return 1
	why='a limit that is there is said to be none'
	jq -e 'all(.stats.caveats[]; .code != "no-memory-limit")' "$work/out.json" >/dev/null || return 1
	timeout -k 1 60 "$maprace" watch -q --memory -o "$work/out.json" -- "$e2e_build/1.24-stripped/leaking" 20 10 1 >"$work/stdout" 2>"$work/stderr" ||
		{ why="status $?" && return 1; }
	why="limits here: $(limits_here); caveats: $(jq -c '[.stats.caveats[].code]' "$work/out.json")"
	jq -e --argjson limits "$(limits_here)" '([.stats.caveats[] | select(.code == "no-memory-limit")] | length == 1) == ($limits == 0)' \
		"$work/out.json" >/dev/null || return 1
	timeout -k 1 60 "$maprace" watch -q -o "$work/out.json" -- "$e2e_build/1.24-stripped/leaking" 20 10 1 >"$work/stdout" 2>"$work/stderr" ||
		{ why="status $?" && return 1; }
	why='nobody asked'
	! jq -e 'has("memory")' "$work/out.json" >/dev/null
}

# Faster than anybody looks: in order all the same.
memory_jumped()
{
	timeout -k 1 60 "$maprace" watch -q --memory-limit 8M -o "$work/out.json" -- "$e2e_build/1.24-stripped/leaking_profiled" 4000 300 3 \
		>"$work/stdout" 2>"$work/stderr" || { why="status $?" && return 1; }
	why="told: $(jq -c '[.memory[] | .percent, .jumped]' "$work/out.json")"
	[[ $(rows) == '[80,92,97]' ]] && jq -e '.memory[0].jumped and .memory[1].jumped and (.memory[2].jumped | not) and
		([.memory[] | has("heap")] == [false, false, true])' "$work/out.json" >/dev/null
}

# Another one that came into its group is killed there, and it lives on: when somebody else kills it then, that was not the kernel.
memory_another()
{
	local watcher
	group_with_limit 134217728 || { skipped_here=yes && skip 'memory another' 'no control group with a limit can be made here' && return 0; }
	start_target "$e2e_build/1.24-stripped/leaking_profiled" 5 10 100 || return 1
	echo "$target" >"$group/cgroup.procs"
	watch -p "$target" --memory
	why='not watched'
	wait_until 20 watching || return 1
	sleep 1.5 # it is seen to be alone
	# shellcheck disable=SC2016 # the inner shell's
	bash -c 'echo $$ >"$0/cgroup.procs"; exec tail /dev/zero' "$group" >"$work/other" 2>&1 || true
	why='the other one was not killed'
	grep -qs '^oom_kill [1-9]' "$group"/memory.{oom_control,events.local} || return 1
	why='it was killed too'
	! gone "$target" || return 1
	sleep 2.5 # it is seen to live on, twice at least
	kill -KILL "$target"
	wait "$target" 2>/dev/null || true
	target=
	wait "$watcher" || { why='exit status' && return 1; }
	wait_until 10 group_gone || true
	why="told: $(rows)"
	jq -e 'all(.memory[]; .event == "threshold")' "$work/out.json" >/dev/null
}

memory_all()
{
	local name why
	memory_programs "${memory_versions[@]}"
	(($#)) || set -- "${memory_names[@]}"
	for name; do
		fresh_work "memory-$name"
		why='' group='' skipped_here=''
		if "memory_$name"; then
			[[ $skipped_here == yes ]] || pass "memory $name"
		else
			fail "memory $name" "$why"
		fi
		cleanup
		target=
		[[ -z $group ]] || group_gone || true
	done
}

# often [COUNT]: how many of them had all thresholds in order, the leak's site on top, and were told as killed
often()
{
	local version i good count=${1:-10} watching=() why
	memory_programs "${memory_versions[@]}"
	fresh_work often
	guard ''
	for version in "${memory_versions[@]}"; do
		good=0
		for ((i = 0; i < count; i++)); do
			rm -f "$work"/*
			group_with_limit 134217728
			leaks "$e2e_build/$version-stripped/leaking_profiled" 15
			wait_until 10 group_gone || true
			if is_killed; then good=$((good + 1)); else echo "$version $i: $why"; fi
		done
		echo "$version: $good of $count"
	done
}

skipped_here=
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	if [[ ${1:-} == killed_often ]]; then
		often "${@:2}"
		exit
	fi
	memory_all "$@"
	finish
fi
