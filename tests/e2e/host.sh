#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# All Go processes of the host are watched, those that are there and those that come: here such as run copies of ours.
#
# usage: tests/e2e/host.sh [NAME]...      e.g. host.sh come_and_go container
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/follow.sh
. "$(dirname "${BASH_SOURCE[0]}")/follow.sh"

host_names='come_and_go status_line places container user exec_again exec_at_once exec_itself no_events stuck_files usage'

# host_watch ARG...: in the background, until it is there: until it catches SIGUSR1, which ended it before (and the shell that is about
# to become it catches others)
host_watch()
{
	"$maprace" watch --all --match "$bin/*" --no-color -o "$work/out.json" "$@" >"$work/stdout" 2>"$work/stderr" </dev/null &
	target=$!
	must 'it has not begun' wait_until 10 grep -qs '^SigCgt:.*[2367abef]..$' "/proc/$target/status" &&
		must 'it does not answer' wait_until 20 begun
}

# begun: its answer to SIGUSR1 is there
begun()
{
	kill -USR1 "$target" && sleep 0.1 && [[ -s $work/out.json ]]
}

host_end() # STATUS
{
	local status=0
	kill -TERM "$target" 2>/dev/null || true
	wait "$target" || status=$?
	target=
	must "exit status $status, not $1" test "$status" = "$1"
}

# watches N: so many processes of ours, now
watches()
{
	kill -USR1 "$target"
	sleep 0.1
	jq -e "[.processes[] | select(.why_not == null and .to_s == null)] | length == $1" "$work/out.json" >/dev/null 2>&1
}

# soon_watched N: or what there is instead
soon_watched()
{
	wait_until 30 watches "$1" && return
	why="not $1 watched, but $(jq -c '[.processes[] | {comm, why_not, to_s}]' "$work/out.json" 2>&1)"
	return 1
}

# One is there, one comes and races, one comes and goes, and four are too short for anything.
host_come_and_go()
{
	local pid
	"$bin/brief" 0 120000 & # until the end of this, however slow the machine
	host_watch || return 1
	soon_watched 1 || return 1
	"$bin/racer" 20 &
	pid=$!
	# shellcheck disable=SC2034
	for _ in 1 2 3 4; do "$bin/brief" 0 20; done
	"$bin/brief" 0 700
	must 'no race was proved' wait_until 15 grep -q "^Process: $pid ($bin/racer 20)" "$work/stdout" || return 1
	host_end 66 || return 1
	# on a busy machine some may have ended before anybody could look, and some live for longer than they meant to
	counted '.followed | .of == "host" and .watched >= 3 and .go <= 7 and .go + .unknown >= 7 and
		.watched + ([.not_watched[].processes] | add // 0) == .go and all(.not_watched[]; .why | test("^too short|^ended"))' &&
		counted "any(.processes[]; .pid == $pid and .why_not == null and .args == \"$bin/racer 20\" and .parent == $BASHPID)" &&
		counted "any(.processes[]; .why_not == null and .args == \"$bin/brief 0 700\" and .to_s - .from_s > 0.4)" &&
		must 'not said' grep -q '^  Watched [3-7] of [3-7] Go processes, among [0-9]* that were there or were started' "$work/stderr"
}

# On a terminal: the status line goes on when one of several has ended.
host_status_line()
{
	"$bin/brief" 0 8000 &
	"$bin/brief" 0 1000 &
	must 'it dies' script -qec "$maprace watch --all --match '$bin/*' -d 3" "$work/typescript" >/dev/null </dev/null || return 1
	must 'no status line' grep -aq '2 maps' "$work/typescript" && must 'not to the end' grep -aq 'Watched 2 of 2 Go processes' "$work/typescript"
}

# Of more than there are places for the one that has used most CPU time comes first, and the others when one has ended.
host_places()
{
	local hot
	"$bin/idle" &
	"$bin/brief" 0 120000 &
	hot=$!
	sleep 0.5 # for it to have used more
	host_watch --max-processes 1 --budget 100 || return 1
	soon_watched 1 && counted "any(.processes[]; .pid == $hot)" || return 1
	counted '[.stats.caveats[].text] | any(. == "Go processes that are not watched: 1: more than --max-processes allows")' || return 1
	{ kill -KILL "$hot" && wait "$hot"; } 2>/dev/null || true
	soon_watched 1 || return 1
	kill -TERM "$target"
	wait "$target" || true
	target=
	counted '.followed | .go == 2 and .watched == 2'
}

# In namespaces of its own, where our numbers and our files are not there.
host_container()
{
	mkdir -p "$work/root/bin"
	cp "$bin/racer" "$work/root/bin/racer"
	host_watch --match '/bin/rac[e]r *' || return 1
	unshare --mount --pid --fork --mount-proc chroot "$work/root" /bin/racer 20 >/dev/null 2>&1 &
	must 'no race was proved' wait_until 15 grep -q '^Process: [0-9]* (/bin/racer 20)' "$work/stdout" || return 1
	pkill -KILL -f '^/bin/racer 20' || true
	host_end 66 && counted '.followed.watched == 1'
}

host_user()
{
	chmod 755 "$bin" "$bin"/*
	host_watch --user nobody || return 1
	"$bin/brief" 0 120000 &
	"${nobody[@]}" "$bin/brief" 0 120000 &
	soon_watched 1 || return 1
	host_end 0 && counted '.followed | .go == 1 and .watched == 1'
}

# A process that is watched becomes another program.
host_exec_again()
{
	host_watch || return 1
	"$bin/execer" "$bin/racer" 2>"$work/execer" &
	soon_watched 1 || return 1
	wait_until 10 grep -qs ready "$work/execer" && kill -USR2 $! || return 1
	must 'no race was proved' wait_until 15 grep -qs '^WARNING: CONCURRENT MAP ACCESS (proven)' "$work/stdout" || return 1
	host_end 66 && counted '.followed.watched == 2'
}

# The kernel does not tell who executes what: /proc has to do, and it is said.
# It races at once, while maprace, which has hardly a CPU, is busy with it still: that is the other program's.
host_exec_at_once()
{
	local pid
	host_watch || return 1
	renice -n 19 -p "$target" >/dev/null
	for _ in 1 2 3 4; do
		rm -f "$work/execer"
		"$bin/execer" "$bin/slots" 2>"$work/execer" &
		pid=$!
		wait_until 10 watches 1 || true # one that is too busy may come to the other one first
		wait_until 10 grep -qs ready "$work/execer" && kill -USR2 "$pid" || return 1
		wait_until 5 grep -qs "^Process: $pid " "$work/stdout" || true # or it has died of it
		{ kill -KILL "$pid" && wait "$pid"; } 2>/dev/null || true
	done
	kill -TERM "$target"
	wait "$target" || true
	target=
	must 'a race of the program before' test "$(grep -c '^Process: .*execer' "$work/stdout")" = 0 &&
		counted '[.processes[] | select(.exe | endswith("/slots"))] as $rows |
			all(.races[]; . as $race | any($rows[]; .pid == $race.pid and .from_s <= $race.first_seen_s))'
}

watched_twice()
{
	kill -USR1 "$target"
	sleep 0.1
	jq -e '.followed.watched == 2' "$work/out.json" >/dev/null 2>&1
}

# Or its own program anew: whether the kernel tells of that, or nobody but /proc.
host_exec_itself()
{
	local without
	for without in '' execs; do
		MAPRACE_WITHOUT=$without host_watch || return 1
		"$bin/execer" again 2>"$work/execer" &
		soon_watched 1 || return 1
		wait_until 10 grep -qs ready "$work/execer" && kill -USR2 $! || return 1
		must "not watched any more, without '$without'" wait_until 10 watched_twice || return 1
		kill -KILL $!
		wait $! 2>/dev/null || true
		host_end 0 && counted '.followed.watched == 2' || return 1
	done
}

host_no_events()
{
	MAPRACE_WITHOUT=execs host_watch || return 1
	"$bin/brief" 0 120000 &
	soon_watched 1 || return 1
	host_end 0 && counted '.followed.watched == 1' && must 'not said' grep -q '^  Caveat: new processes were found in /proc only' "$work/stderr"
}

stuck_is_held()
{
	(($(grep -c '^held' "$work/slowfs") >= 1))
}

# Programs whose files do not come any more, on a file system that is in no mount table: others are watched all the same, and maprace
# answers and ends.
host_stuck_files()
{
	local slowfs stuck pid began status=0
	build_program 1.24-stripped "$e2e_dir/programs/slowfs.go"
	mkdir -p "$work/fs"
	"$e2e_build/1.24-stripped/slowfs" "$work/fs" "$bin/idle" mr-reader >"$work/slowfs" 2>&1 &
	slowfs=$!
	wait_until 5 grep -qs '^ready\|^refused' "$work/slowfs"
	grep -qs '^ready' "$work/slowfs" || { why="SKIP no FUSE here: $(<"$work/slowfs")" && return 1; }
	"$work/fs/program" &
	stuck=$!
	wait_until 5 grep -qs program "/proc/$stuck/comm"
	umount -l "$work/fs"
	kill -USR1 "$slowfs"
	"$bin/racer" 60 &
	pid=$!
	stuck_files "$pid" || status=1
	kill -KILL "$slowfs" "$stuck" # what waits for it fails
	wait "$slowfs" "$stuck" 2>/dev/null || true
	return "$status"
}

stuck_files() # PID of a racer
{
	local began
	host_watch || return 1
	must 'no race was proved' wait_until 15 grep -q "^Process: $1 ($bin/racer 60)" "$work/stdout" || return 1
	must 'nobody asked for the file' stuck_is_held || return 1
	must 'it does not answer' wait_until 5 soon_watched 1 || return 1
	began=$SECONDS
	host_end 66 || return 1
	must 'its end took long' test $((SECONDS - began)) -le 5 &&
		counted '(.stats.caveats | any(.text | test("^programs that were not looked at.*: 1: .*did not come"))) and .stats.reads_given_up >= 1'
}

# refused_usage MESSAGE ARG...
refused_usage()
{
	local status=0
	"$maprace" watch "${@:2}" >"$work/stdout" 2>"$work/stderr" || status=$?
	must "exit status $status for ${*:2}" test "$status" = 2 && must "not so: $1" grep -q -e "$1" "$work/stderr"
}

host_usage()
{
	refused_usage 'either --all, or -p PID, or -- CMD' --all -p 1 && refused_usage 'either --all' --all -- true &&
		refused_usage 'need --all' --user nobody -p 1 && refused_usage 'a user' --all --user nobody-is-called-so &&
		refused_usage 'from 1 to' --all --max-processes 0 && refused_usage 'no --growth' --all --growth
}

host_all()
{
	local name why
	follow_build
	build_program 1.24-stripped "$e2e_dir/programs/idle.go"
	build_program 1.24-stripped "$e2e_dir/programs/slots.go"
	cp "$e2e_build/1.24-stripped/idle" "$e2e_build/1.24-stripped/slots" "$bin/"
	for name in $host_names; do
		((${#host_only[@]} == 0)) || [[ " ${host_only[*]} " == *" $name "* ]] || continue
		fresh_work "host-$name"
		why='' target=''
		if "host_$name"; then
			pass "host: $name"
		else
			fail "host: $name" "${why:-failed}"
		fi
		end_copies
		cleanup
	done
	rm -rf "$bin"
}
host_only=()

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	host_only=("$@")
	host_all
	finish
fi
