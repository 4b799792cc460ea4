#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Beginnings and ends: targets that end, change or fork while they are watched, and all the ways in which maprace itself ends.
#
# usage: tests/e2e/lifecycle.sh [NAME]...      e.g. lifecycle.sh killed forks
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/attacher.sh
. "$(dirname "${BASH_SOURCE[0]}")/attacher.sh"
# shellcheck source=tests/e2e/execs.sh
. "$(dirname "${BASH_SOURCE[0]}")/execs.sh"
# shellcheck source=tests/e2e/libraries.sh
. "$(dirname "${BASH_SOURCE[0]}")/libraries.sh"
# shellcheck source=tests/e2e/files.sh
. "$(dirname "${BASH_SOURCE[0]}")/files.sh"

life_names='ends killed stubborn signals early_signal duration exit_status two_pids many few_files churn one_of_two_ends bystander two_watchers pid_namespace pid_namespace_child execs execs_itself execs_in_place execs_one_of_two becomes becomes_written_over forks deleted replaced written_over alone usr1 full_disk closed_pipe
	options stopped paused paused_hot cold_calls text budget kill_windows stuck_file attacher measurer
	library libraries leaderless library_command library_exec plugin_removed plugin_chroot plugin_beside plugin_unseen plugin_unreadable'
watcher=

probed_or_gone()
{
	gone "$watcher" || text_differs "$1"
}

attached()
{
	wait_until 30 probed_or_gone "$1" && ! gone "$watcher"
}

# watch_ended SECONDS: waits, and sets status
watch_ended()
{
	status=0
	if ! wait_until "$1" gone "$watcher"; then
		kill -KILL "$watcher"
		wait "$watcher" 2>/dev/null || true
		watcher=
		why="maprace did not end in $1 s"
		return 1
	fi
	wait "$watcher" 2>/dev/null || status=$?
	watcher=
}

# need WHY COMMAND...: sets why when the command fails
need()
{
	why=$1
	shift
	"$@" || return 1
	why=
}

status_is()
{
	why="exit status $status, not $1"
	((status == $1)) || return 1
	why=
}

document()
{
	jq -e "$@" "$work/out.json" >/dev/null
}

program()
{
	echo "$e2e_build/$1-stripped/$2"
}

# ---- the target ends ------------------------------------------------------------------------------------------------

life_ends()
{
	start_target "$(program 1.24 clean_mutex)" 2
	watch -p "$target"
	watch_ended 10 && status_is 0 || return 1
	need 'the target was harmed' unharmed "$work/target" || return 1
	need 'the end of the target is not in the document' document '.targets[0].exit != null'
}

life_killed()
{
	start_target "${calm[@]}" "$(program 1.24 race_needle)"
	watch -p "$target"
	need 'not attached' attached "$target" || return 1
	sleep 0.3
	kill -KILL "$target"
	watch_ended 10 || return 1
	((status == 66)) || status_is 0
}

# A command that does not end when it is asked to is not waited for for ever.
life_stubborn()
{
	watch -d 1 -- "$(program 1.24 ender)" ignore
	watch_ended 15 || return 1
	status_is 0 && need 'no document' document '.targets | length == 1' || return 1
	target=$(jq '.targets[0].pid' "$work/out.json")
	need 'nothing said' grep -q "$target does not end" "$work/stderr" || return 1
	need 'a probe stays behind' wait_until 2 text_same "$target"
}

# ---- maprace ends ---------------------------------------------------------------------------------------------------

life_signals()
{
	local signal
	start_target "$(program 1.19 clean_rwmutex)"
	for signal in INT TERM KILL; do
		watch -p "$target"
		need "not attached before SIG$signal" attached "$target" || return 1
		sleep 0.2
		kill -"$signal" "$watcher"
		watch_ended 5 || return 1
		if [[ $signal == KILL ]]; then
			status_is 137 || return 1
		else
			status_is 0 && need "no document after SIG$signal" document '.schema == "maprace/1"' || return 1
		fi
		need "a probe stays behind after SIG$signal" wait_until 2 text_same "$target" || return 1
	done
	need 'the target was harmed' stop_target
}

loading()
{
	gone "$watcher" || find "/proc/$watcher/fd" -lname 'anon_inode:bpf-map' 2>/dev/null | grep -q .
}

# Enough is said while the kernel still verifies the programs.
life_early_signal()
{
	start_target "$(program 1.24 clean_mutex)" 20
	watch -p "$target"
	need 'it never began to attach' wait_until 10 loading || return 1
	kill -INT "$watcher"
	watch_ended 10 && status_is 0 || return 1
	need 'no report' document '.races == [] and .duration_s < 5' || return 1
	need 'a probe stays behind' wait_until 2 text_same "$target" || return 1
	need 'the target was harmed' stop_target
}

# -d and duration_s are the time watched: attaching, which takes seconds on a busy machine, neither uses it up nor is told as it.
life_duration()
{
	local stopped from ended tries
	start_target "$(program 1.24 clean_mutex)" 60
	for tries in {1..5}; do
		watch -p "$target" -d 2
		need 'it never began to attach' wait_until 10 loading || return 1
		kill -STOP "$watcher"
		stopped=${EPOCHREALTIME/./}
		! text_same "$target" || break
		# we did not have the CPU in time: it has attached already
		need 'stopped too late' test "$tries" -lt 5 || return 1
		kill -CONT "$watcher"
		watch_ended 10 || return 1
	done
	sleep 2.5
	kill -CONT "$watcher"
	need 'not attached' attached "$target" || return 1
	from=${EPOCHREALTIME/./}
	watch_ended 10 && status_is 0 || return 1
	ended=${EPOCHREALTIME/./}
	need 'attaching was counted' test $((ended - from)) -gt 1000000 || return 1
	need 'attaching is told as watched' document --argjson us $((ended - stopped)) '.duration_s >= 2 and .duration_s < $us / 1e6 - 2.4'
}

life_closed_pipe()
{
	start_target "${calm[@]}" "$(program 1.23 race_write_write)"
	timeout 20 "$maprace" watch -p "$target" -d 5 2>"$work/stderr" | head -1 >"$work/stdout" || true
	need 'no first line' grep -q '^=====' "$work/stdout" || return 1
	need 'a probe stays behind' wait_until 2 text_same "$target"
}

life_exit_status()
{
	local how
	for how in 'exit 0 0' 'exit 7 7' 'exit 255 255' 'signal 15 143' 'signal 9 137' 'panic 0 2'; do
		# shellcheck disable=SC2086 # words
		set -- $how
		watch -- "$(program 1.27 ender)" "$1" "$2"
		watch_ended 10 || return 1
		why="$1 $2: exit status $status, not $3"
		((status == $3)) || return 1
		why=
	done
}

# ---- several -------------------------------------------------------------------------------------------------------

life_two_pids()
{
	local first
	start_target "${calm[@]}" "$(program 1.19 race_write_write)"
	first=$target
	start_target "${calm[@]}" "$(program 1.24 race_write_write)"
	watch -p "$first,$target" -d 4
	watch_ended 15 && status_is 66 || return 1
	need 'not both processes are in the document' document '[.races[].pid] | unique | length == 2' || return 1
	need 'not both were races' document '[.targets[].map_impl] | sort == ["classic", "swiss"]' || return 1
	need 'a probe stays behind' wait_until 2 text_same "$first" || return 1
	kill "$first"
}

# Twenty processes of one program, their maps at the same address: the race is that one's that has it, whoever ends meanwhile.
life_many()
{
	local pids=() all racy pid
	for _ in {1..19}; do
		start_target "$(program 1.24 many)"
		pids+=("$target")
	done
	start_target "${calm[@]}" "$(program 1.24 many)"
	racy=$target
	all=$(IFS=,; echo "${pids[*]:0:10},$racy,${pids[*]:10}")
	watch -p "$all" -d 20 --halt-on-race --budget 50 # by the default each may use 0.25 percent: they are at that
	need 'not attached' attached "${pids[18]}" && need 'it does not watch' wait_until 10 watching || return 1
	need 'more than one process holds the probes' test "$(pgrep -c -P "$watcher" -x mr-attacher)" = 1 || return 1
	kill -KILL "${pids[0]}" "${pids[1]}"
	sleep 0.5
	kill -USR1 "$racy"
	watch_ended 30 && status_is 66 || return 1
	need 'the race is not in the document, or another process' document --argjson racy "$racy" '[.races[].pid] | unique == [$racy]' || return 1
	need 'not all were watched' document '.targets | length == 20 and ([.[] | select(.exit)] | length == 2)' || return 1
	need 'nothing was seen of some' document '[.stats.budget.functions[] | select(.hits > 0) | .pid] | unique | length >= 18' || return 1
	for pid in "${pids[@]:2}" "$racy"; do
		need "a probe stays behind in $pid" wait_until 2 gone_or_same "$pid" || return 1
	done
	kill "${pids[@]:2}"
}

# the racy one may have died of Go's own check, after the proof
gone_or_same()
{
	gone "$1" || text_same "$1"
}

# Without uprobe-multi each site takes two files of the process that holds the probes: of all targets together more than the soft limit,
# which is enough for maprace itself.
life_few_files()
{
	local pids=() soft
	for _ in {1..5}; do
		start_target "$(program 1.24 many)"
		pids+=("$target")
	done
	soft=$(ulimit -S -n)
	ulimit -S -n 260
	MAPRACE_WITHOUT=uprobe-multi watch -p "$(IFS=,; echo "${pids[*]}")" -d 2 --growth
	ulimit -S -n "$soft"
	watch_ended 30 && status_is 0 || return 1
	need 'something was not done' eval '! grep -q "warning\|error" "$work/stderr"' || return 1
	need 'nothing was seen of some' document '[.stats.budget.functions[] | select(.hits > 0) | .pid] | unique | length == 5' || return 1
	kill "${pids[@]}"
}

# By hand: build/churn 1000 build/e2e/1.24-stripped/counted
life_churn()
{
	[[ -x $e2e_top/build/churn ]] || { why='SKIP no build/churn: make build/churn' && return 1; }
	"$e2e_top/build/churn" 10 "$(program 1.24 counted)" >"$work/stdout" 2>"$work/stderr" || true
	need "$(tail -1 "$work/stdout")" grep -qx ok "$work/stdout"
}

# One of two ends while maprace attaches to both, at whatever point: the other is watched all the same.
life_one_of_two_ends()
{
	local first tries
	start_target "$(program 1.24 clean_mutex)"
	first=$target
	for ((tries = 0; tries < 40; tries++)); do
		start_target "$(program 1.24 clean_mutex)"
		watch -p "$first,$target" -d 0.2
		sleep "0.0$((tries % 10))"
		kill -KILL "$target"
		wait "$target" 2>/dev/null || true
		watch_ended 15 || return 1
		! grep -q "^maprace: error: \(no process has the id $target\|process $target has no executable\)" "$work/stderr" ||
			continue # before maprace had opened it
		status_is 0 || return 1
		need 'the other one is not in the document' document ".targets[0].pid == $first" || return 1
		! grep -q "process $target .* ended while maprace attached" "$work/stderr" || break
	done
	need 'it never ended while maprace attached' [ "$tries" -lt 40 ] || return 1
	target=$first
}

# Another process of the same binary: not probed, not reported.
life_bystander()
{
	local other
	start_target "${calm[@]}" "$(program 1.24 race_write_write)"
	other=$target
	start_target "${calm[@]}" "$(program 1.24 race_write_write)"
	watch -p "$target" -d 3
	need 'not attached' attached "$target" || return 1
	need 'the other process is probed as well' text_same "$other" || return 1
	watch_ended 10 || return 1
	need 'the other process is reported' document --argjson pid "$other" 'all(.races[]; .pid != $pid)' || return 1
	kill "$other"
}

life_two_watchers()
{
	local first
	start_target "${calm[@]}" "$(program 1.23 race_read_write)"
	watch -p "$target" -d 3
	first=$watcher
	mv "$work/out.json" "$work/first.json" 2>/dev/null || true
	"$maprace" watch -p "$target" -d 4 -o "$work/second.json" >/dev/null 2>"$work/second.err" &
	watcher=$!
	watch_ended 20 || return 1
	((status == 66)) || status_is 66 || return 1
	watcher=$first
	watch_ended 10 && status_is 66 || return 1
	need 'a probe stays behind' wait_until 2 text_same "$target"
}

# in_namespace DEEPER COMMAND...: a racy program and, as COMMAND, `maprace watch -p` of it, both in a PID namespace of their own; with
# DEEPER the program in one more inside that
in_namespace()
{
	rm -f "$work"/{out.json,stdout,stderr,target}
	# shellcheck disable=SC2016 # for the inner shell
	unshare -pf --kill-child --mount-proc bash -c '
		work=$1 program=$2 deeper=$3
		shift 3
		${deeper:+unshare -pf --kill-child} "$program" >"$work/target" 2>&1 &
		until grep -qs "^ready" "$work/target"; do sleep 0.05; done
		target=$!
		[[ -z $deeper ]] || target=$(pgrep -P $!)
		"$@" -p "$target" -d 15 --halt-on-race --json && status=0 || status=$?
		kill -TERM "$target"
		wait $!
		exit $status' - "$work" "$(program 1.24 race_read_write)" "$@" >"$work/stdout" 2>"$work/stderr" &
	watcher=$!
	watch_ended 30
}

# Ids are those of the namespace; and what may be done there is no less: perf events need CAP_SYS_ADMIN, multi-uprobe does not.
life_pid_namespace()
{
	local dir with_caps
	unshare -pf --mount-proc true 2>"$work/unshare" || { why="SKIP no PID namespace may be made here" && return 1; }
	in_namespace '' "$maprace" watch && status_is 66 || return 1
	need 'not by the ids of the namespace' jq -es 'any(.[]; .type == "race" and .data.pid < 100)' "$work/stdout" >/dev/null || return 1
	"$maprace" doctor | grep -q '^uprobe-multi *yes' || return 0
	dir=$(mktemp -d)
	chmod 755 "$dir"
	install -m 755 "$maprace" "$dir/maprace"
	with_only bpf,perfmon,sys_ptrace
	in_namespace '' "${with_caps[@]}" "$dir/maprace" watch || true
	rm -r "$dir"
	status_is 66
}

# A container inside of the one in which maprace is: the target is another number there than here.
life_pid_namespace_child()
{
	local probes
	unshare -pf --mount-proc unshare -pf true 2>"$work/unshare" || { why="SKIP no PID namespaces may be made here" && return 1; }
	for probes in '' uprobe-multi; do
		[[ -z $probes ]] || export MAPRACE_WITHOUT=$probes
		in_namespace deeper "$maprace" watch && status_is 66 || return 1
		need 'not by the ids of our namespace' jq -es 'any(.[]; .type == "race" and (.data.pid | . > 1 and . < 100))' "$work/stdout" >/dev/null || return 1
	done
}

# ---- the target changes --------------------------------------------------------------------------------------------

life_forks()
{
	start_target "$(program 1.24 execer)" fork /bin/true
	watch -p "$target" -d 3
	watch_ended 10 && status_is 0 || return 1
	need 'the target was harmed' stop_target || return 1
	need 'no children' grep -q '^children [1-9]' "$work/target"
}

right_lines()
{
	sed -n 's/^EXPECT /RACE /p' <(awk -f "$e2e_dir/expect.awk" "$e2e_dir/cases/$1.go") >"$work/expected"
	jq -r --arg file "$1.go" -f "$e2e_dir/races.jq" "$work/out.json" | grep '^RACE' | sort -u >"$work/found"
	need 'other functions or lines than expected' cmp -s "$work/expected" "$work/found"
}

# a stopped process: neither waited for nor woken
life_stopped()
{
	start_target "$(program 1.24 clean_mutex)"
	kill -STOP "$target"
	watch -p "$target" -d 1
	watch_ended 10 && status_is 0 || return 1
	need 'it was woken' grep -q '^State:.*T' "/proc/$target/status" || return 1
	kill -CONT "$target"
	need 'the target was harmed' stop_target
}

# ---- the tool -------------------------------------------------------------------------------------------------------

life_alone()
{
	local dir=$work/alone size
	mkdir "$dir"
	cp "$maprace" "$dir"
	size=$(stat -c %s "$maprace")
	need "it has $size bytes" test "$size" -lt 8000000 || return 1
	# shellcheck disable=SC2016 # for the inner shell
	need 'not static' sh -c '! readelf -lW "$1" | grep -q INTERP' - "$maprace" || return 1
	start_target "${calm[@]}" "$(program 1.24 race_read_write)"
	(cd "$dir" && env -i ./maprace watch -p "$target" -d 15 --halt-on-race >../stdout 2>../stderr) && status=0 || status=$?
	status_is 66 || return 1
	need 'it left files' test "$(ls "$dir")" = maprace || return 1
	rm -r "$dir"
}

life_usr1()
{
	start_target "$(program 1.24 clean_mutex)"
	watch -p "$target"
	need 'not attached' attached "$target" || return 1
	sleep 0.5
	need 'a document before it is asked for' test ! -e "$work/out.json" || return 1
	kill -USR1 "$watcher"
	need 'no document after SIGUSR1' wait_until 5 document '.stats.operations > 0' || return 1
	need 'it ended' eval '! gone "$watcher"' || return 1
	kill -INT "$watcher"
	watch_ended 5 && status_is 0
}

life_full_disk()
{
	local dir=$work/small
	mkdir "$dir"
	mount -t tmpfs -o size=4k none "$dir" 2>"$work/mount" || { why="SKIP no tmpfs may be mounted here" && return 1; }
	head -c 4096 /dev/zero >"$dir/filler"
	start_target "$(program 1.24 clean_mutex)"
	watch -p "$target" -d 1 -o "$dir/out.json"
	watch_ended 10 || true
	ls "$dir" >"$work/left"
	umount "$dir" && rmdir "$dir"
	[[ -n $why ]] || status_is 1 || return 1
	need 'no clear line' grep -q 'error: .*out.json.*\(ENOSPC\|[Nn]o space\)' "$work/stderr" || return 1
	need 'a part of a file was left' test "$(<"$work/left")" = filler || return 1
	need 'the target was harmed' stop_target
}

life_options()
{
	start_target "$(program 1.24 clean_mutex)"
	watch -p "$target" -d 1 -q
	watch_ended 10 && status_is 0 && need '-q is not quiet' test ! -s "$work/stderr" || return 1
	watch -p "$target" --dry-run
	watch_ended 10 && status_is 0 && need '--dry-run leaves probes' text_same "$target" || return 1
	need 'the target was harmed' stop_target || return 1
	start_target "${calm[@]}" "$(program 1.24 race_write_write)"
	watch -p "$target" -d 15 --halt-on-race --exitcode 9
	watch_ended 20 && status_is 9 || return 1
	watch -p "$target" -d 15 --halt-on-race --exitcode 0
	watch_ended 20 && status_is 0
}

# What a person reads, line by line, and the same again from the document, without root.
life_text()
{
	local line dir
	start_target "${calm[@]}" "$(program 1.24 race_created)"
	watch -p "$target" -d 15 --halt-on-race --no-color
	watch_ended 20 && status_is 66 || return 1
	for line in '==================' 'WARNING: CONCURRENT MAP ACCESS (proven)' \
		'\(Write\|Read\) at 0x[0-9a-f]\{12\} by goroutine [0-9]* (thread [0-9]*, cpu [0-9]*):' \
		'Concurrent \(write\|read\) at 0x[0-9a-f]\{12\} by goroutine [0-9]* (thread [0-9]*, cpu [0-9]*):' \
		'  main.writer()' '      /.*/race_created.go:[0-9]*' '  main.reader()' \
		'Goroutine [0-9]* created at:' '  main.launch()' '  main.main()' 'Map: map\[string\]int, [0-9]* entr.*' \
		'Evidence: goroutine [0-9]* entered while goroutine [0-9]* was held inside its own operation ([0-9.]*[mu]s)' \
		'Seen .* in [0-9.]*[mu]*s; the process.s own check has not fired'; do
		need "no line: $line" grep -qx -- "$line" "$work/stdout" || return 1
	done
	dir=$(mktemp -d)
	chmod 755 "$dir"
	install -m 755 "$maprace" "$dir/maprace"
	install -m 644 "$work/out.json" "$dir/out.json"
	"${nobody[@]}" "$dir/maprace" report "$dir/out.json" >"$work/again" 2>"$work/again.err" ||
		true
	rm -r "$dir"
	need 'rendered again it reads otherwise' cmp -s <(grep -v '^Seen' "$work/stdout") <(grep -v '^Seen' "$work/again")
}

# ---- all ------------------------------------------------------------------------------------------------------------

lifecycle_build()
{
	local version name
	for version in 1.19 1.24 1.27; do
		for name in sleeper ender execer many; do
			build_program "$version-stripped" "$e2e_dir/programs/$name.go"
		done
	done
	build_program 1.24-pie "$e2e_dir/programs/execer.go"
	build_program 1.24-stripped "$e2e_dir/programs/slowfs.go"
	build_program 1.24-stripped "$e2e_dir/programs/counted.go"
	build_program 1.24-stripped "$e2e_dir/programs/rewritten.go"
	build_program 1.24-stripped "$e2e_dir/programs/leader.go"
	build_program 1.19-stripped "$e2e_dir/programs/brief.go"
	libraries_build
	for name in 1.19:race_write_write 1.19:clean_rwmutex 1.23:race_write_write 1.23:race_read_write 1.24:race_write_write \
		1.24:race_read_write 1.24:race_needle 1.24:race_created 1.24:clean_mutex 1.24:clean_nil_map 1.27:clean_mutex; do
		build_case "${name%:*}-stripped" "${name#*:}"
	done
}

lifecycle_all()
{
	local name why status tries
	lifecycle_build
	for name in $life_names; do
		((${#life_only[@]} == 0)) || [[ " ${life_only[*]} " == *" $name "* ]] || continue
		for tries in 1 2 3; do
			fresh_work "life-$name"
			why='' status=0 watcher='' target=''
			if "life_$name"; then
				why=
				break
			fi
			why=${why:-failed}
			if ((tries == 3)) || ! died_of_its_race; then break; fi
			cleanup
		done
		if [[ -z $why ]]; then
			pass "lifecycle: $name"
		elif [[ $why == SKIP* ]]; then
			skip "lifecycle: $name" "${why#SKIP }"
		else
			fail "lifecycle: $name" "$why"
		fi
		unset MAPRACE_WITHOUT
		cleanup
	done
}
life_only=()

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	life_only=("$@")
	lifecycle_all
	finish
fi
