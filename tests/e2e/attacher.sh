# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of lifecycle.sh
# Cases of lifecycle.sh, which has what they call: who holds probes and for how long, what they cost, and that none stays behind.

# A program that does nothing but use a map: the budget holds, and it is watched a part of the time; with all the budget, always.
life_budget()
{
	local part='.stats.budget | .windows >= 1 and .hit_ns > 50 and .hit_ns != 1200 and any(.functions[]; .attached < 0.6)'
	start_target "$(program 1.24 clean_mutex)"
	watch -p "$target" -d 6
	watch_ended 20 && status_is 0 || return 1
	need 'no probe was taken away and put back' document "$part" || return 1
	need 'over the budget' document '.stats.cost_percent < 5 * 2 * 1.2' || return 1
	need 'watched a part of the time, the document says otherwise' document '.stats.watched > 0.001 and .stats.watched < 0.9' || return 1
	need 'nor does the first line' grep -q '^No race found in [0-9.]*s; about [0-9]*% of the operations were watched$' "$work/stderr" || return 1
	need 'a probe stays behind' wait_until 2 text_same "$target" || return 1
	watch -p "$target" -d 2 --budget 100
	watch_ended 20 && status_is 0 || return 1
	need 'a probe was taken away' document '.stats | .watched > 0.99 and (.budget | .windows == 0 and all(.functions[]; .attached > 0.99))' || return 1
	MAPRACE_WITHOUT=uprobe-multi watch -p "$target" -d 12
	watch_ended 20 && status_is 0 || return 1
	need 'no probe was taken away and put back, by perf events' document "$part" || return 1
	need 'a probe stays behind' wait_until 2 text_same "$target" && need 'the target was harmed' stop_target || return 1
	# hits that are no operations cost the same
	start_target "$(program 1.24 clean_nil_map)"
	watch -p "$target" -d 6
	watch_ended 20 && status_is 0 || return 1
	need 'operations on nil maps are not paid for' document '.stats | .budget.windows >= 1 and .cost_percent < 5 * 2 * 1.2'
}

probe_files() # PID: how many of its open files are probes
{
	find "/proc/$1/fd" -lname 'anon_inode:*bpf*link*' -o -lname 'anon_inode:*perf_event*' 2>/dev/null | wc -l
}

# Killed while probes are being taken away and put back, which a process that is being killed cannot finish: on a busy machine
# one kill in twenty would leave some behind, were it not another process that holds them. To take 15 probes by perf events away takes
# the kernel 5 to 8 s beside two virtual machines.
life_kill_windows()
{
	local i attacher
	start_target "$(program 1.24 clean_mutex)"
	for i in {1..6}; do
		((i != 4)) || export MAPRACE_WITHOUT=uprobe-multi
		watch -p "$target" --budget 20
		need 'not attached' attached "$target" || return 1
		attacher=$(pgrep -P "$watcher" -x mr-attacher)
		# what maprace has of its own, it has on itself, to see what the kernel can do; the attacher inherits that
		need 'maprace itself holds the probes' test "$(probe_files "$attacher")" -gt "$(probe_files "$watcher")" || return 1
		sleep "0.$((RANDOM % 500 + 400))"
		kill -KILL "$watcher"
		wait "$watcher" 2>/dev/null || true
		need "a probe stays behind, kill $i" wait_until 20 text_same "$target" || return 1
		need 'the attacher stays behind' wait_until 20 gone "$attacher" || return 1
	done
	need 'the target is gone' kill -0 "$target"
}

# The process that holds the probes can be killed as well: then they are gone, and maprace says so.
life_attacher()
{
	start_target "$(program 1.24 clean_mutex)"
	# while probes change, an attacher that is killed leaves them to the kernel, which gives up on some (docs/limits.md)
	watch --budget 100 -p "$target"
	need 'not attached' attached "$target" && need 'it does not watch' wait_until 10 watching || return 1
	need 'no attacher' pkill -KILL -P "$watcher" -x mr-attacher || return 1
	watch_ended 10 && status_is 1 || return 1
	need 'nothing said' grep -q 'not watched any more: what held its probes was killed' "$work/stderr" || return 1
	need 'a probe stays behind' wait_until 2 text_same "$target"
}

# asleep: stops maprace, which then keeps no account of what its probes cost, until they are gone
asleep()
{
	need 'it does not watch' wait_until 10 watching || return 1
	sleep 0.5
	kill -STOP "$watcher"
	need 'probes stay while maprace is stopped' wait_until 40 text_same "$target" || return 1
	need 'the target is gone' kill -0 "$target"
}

# Nobody sees the race before maprace has been stopped for long, for the target is stopped as well: then everything works again.
life_paused()
{
	start_target "${calm[@]}" "$(program 1.24 race_read_write)"
	kill -STOP "$target"
	watch -p "$target" -d 60 --halt-on-race
	need 'not attached' attached "$target" && asleep || return 1
	kill -CONT "$target"
	kill -CONT "$watcher"
	watch_ended 40 && status_is 66 && right_lines race_read_write || return 1
	need 'nothing said' grep -q "process $target was not watched for [0-9]* s: maprace was stopped" "$work/stderr"
}

# What is seldom called from is seen at its call instructions, while the probes of the hot functions that it calls are away: a race that
# takes a few microseconds eight times a second is proved as soon as elsewhere, and no probe is left.
life_cold_calls()
{
	local version
	local -x MAPRACE_COLD_CALLS=1
	for version in 1.27 1.24; do # where what is read by is a wrapper, and where it is not
		build_program "$version-stripped" "$e2e_dir/programs/coldcall.go"
		start_target "$(program "$version" coldcall)" 120 8
		watch -p "$target" --halt-on-race -d 60
		watch_ended 90 && status_is 66 || return 1
		need "$version: not that race" document '[.races[] | [.accesses[] | [.stack[].function | select(startswith("main."))][0]] | sort] | unique == [["main.load", "main.store"]]' || return 1
		need "$version: no call site is seen at all times" document '.stats.budget.cold_calls >= 2' || return 1
		need "$version: its functions were watched all the time" document '[.stats.budget.functions[] | select(.function | test("faststr")) | .attached] | length == 2 and all(. < 0.7)' || return 1
		need 'a probe stays behind' wait_until 10 text_same "$target" || return 1
		kill "$target"
	done
	start_target "$(program 1.24 coldcall)" 120 150 ordered
	watch -p "$target" -d 12
	watch_ended 40 && status_is 0 || return 1
	need 'no call site is seen at all times, of what is in order' document '.races == [] and .stats.budget.cold_calls >= 2' || return 1
	need 'a probe stays behind' wait_until 10 text_same "$target" || return 1
	kill "$target"
}

life_paused_hot()
{
	start_target "$(program 1.24 clean_mutex)"
	export MAPRACE_WITHOUT=uprobe-multi
	watch -p "$target"
	need 'not attached' attached "$target" && asleep || return 1
	sleep 3
	need 'probes come back by themselves' text_same "$target" || return 1
	kill -USR1 "$watcher"
	kill -CONT "$watcher"
	need 'no probe comes back' wait_until 10 text_differs "$target" || return 1
	need 'no document' wait_until 5 test -s "$work/out.json" || return 1
	jq '.stats.operations' "$work/out.json" >"$work/before"
	sleep 9 # what those ten seconds cost is paid back first
	kill -INT "$watcher"
	watch_ended 20 && status_is 0 || return 1
	need 'nothing is seen any more' document --argjson n "$(<"$work/before")" '.stats.operations > $n' || return 1
	need 'what was not watched counts as watched' document '.stats.budget | all(.functions[]; .attached < 0.9)' || return 1
	need 'nothing said' test "$(grep -c "process $target was not watched for [0-9]* s: maprace was stopped" "$work/stderr")" = 1 || return 1
	need 'a probe stays behind' wait_until 20 text_same "$target" || return 1
	need 'the target was harmed' stop_target
}

measuring()
{
	gone "$watcher" || pgrep -P "$watcher" -x mr-measurer >/dev/null
}

# What measures a hit has a probe of its own: nobody kills it, also when maprace ends, or is killed, at that time. It ends by itself.
life_measurer()
{
	local measurer signal
	start_target "$(program 1.24 clean_mutex)"
	for signal in KILL INT KILL TERM; do
		watch -p "$target"
		need 'nothing measures' wait_until 10 measuring || return 1
		measurer=$(pgrep -P "$watcher" -x mr-measurer) || { why='ended early' && return 1; }
		need 'a signal would kill it' grep -q '^SigBlk:.*fffffffe7ffbfeff$' "/proc/$measurer/status" || return 1
		kill -"$signal" "$watcher"
		watch_ended 5 || return 1
		need "it stays behind after SIG$signal" wait_until 20 gone "$measurer" || return 1
		need "a probe stays behind after SIG$signal" wait_until 2 text_same "$target" || return 1
	done
	need 'the target was harmed' stop_target
}

held()
{
	grep -qs '^held' "$work/slowfs"
}

# One of two targets has its file where nobody answers any more, just as its probes are to be put back: of both no probe stays when
# maprace is killed meanwhile, nor when it ends.
life_stuck_file()
{
	local slowfs status=0
	mkdir -p "$work/fs"
	"$e2e_build/1.24-stripped/slowfs" "$work/fs" "$(program 1.24 clean_mutex)" mr-attacher >"$work/slowfs" 2>&1 &
	slowfs=$!
	wait_until 5 grep -qs '^ready\|^refused' "$work/slowfs"
	if grep -qs '^ready' "$work/slowfs"; then
		stuck_file "$slowfs" || status=1
	else
		why="SKIP no FUSE here: $(<"$work/slowfs")" status=1
	fi
	kill -KILL "$slowfs" # what waits for it fails
	wait "$slowfs" 2>/dev/null || true
	umount -l "$work/fs" 2>/dev/null || true
	return "$status"
}

gone_whole() # PID: with all its threads
{
	! grep -qs '^State:.*[DSRT] ' /proc/"$1"/task/*/status
}

stuck_file() # SLOWFS
{
	local other signal attacher
	start_target "$(program 1.24 clean_mutex)"
	other=$target
	start_target "$work/fs/program"
	for signal in KILL INT; do
		watch -p "$other,$target"
		need 'not attached' attached "$target" && need 'it does not watch' wait_until 10 watching || return 1
		attacher=$(pgrep -P "$watcher" -x mr-attacher)
		: >"$work/slowfs"
		kill -USR1 "$1"
		need 'no read waits' wait_until 20 held || return 1
		kill -USR1 "$watcher"
		need 'maprace does nothing meanwhile' wait_until 5 document '.stats.operations > 0' || return 1
		kill -"$signal" "$watcher"
		watch_ended 15 || return 1
		need "a probe stays behind in the other after SIG$signal" wait_until 10 text_same "$other" || return 1
		need "a probe stays behind after SIG$signal" wait_until 10 text_same "$target" || return 1
		need 'the attacher does not wait for the file' eval '! gone_whole "$attacher"' || return 1
		kill -USR2 "$1"
		need 'the attacher stays behind' wait_until 10 gone_whole "$attacher" || return 1
		need "a probe is placed after SIG$signal" text_same "$target" || return 1
	done
	need 'the target was harmed' stop_target || return 1
	kill "$other"
}
