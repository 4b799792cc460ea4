#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What a command starts, whatever stands between, is watched from its first instruction on, and nobody notices.
#
# usage: tests/e2e/follow.sh [NAME]...      e.g. follow.sh shell go_test
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

follow_names='shell brief exec_again exec_blind exec_written_over written_over double_fork late other_user other_root other_mounts make go_test statuses no_exec too_long
	no_sections traced forked forked_library loaded killed gate_killed gate_stuck stopped no_follow service'

must()
{
	why=$1
	shift
	"$@" || return 1
	why=
}

# followed STATUS ARG...: one run of maprace watch
followed()
{
	local expected=$1 status=0
	shift
	timeout -k 5 60 "$maprace" watch --no-color -o "$work/out.json" "$@" >"$work/stdout" 2>"$work/stderr" </dev/null || status=$?
	must "exit status $status, not $expected" test "$status" = "$expected"
}

# counted FILTER: of the document
counted()
{
	must "not so in the document: $1" jq -e "$1" "$work/out.json" >"$work/jq"
}

# all_watched N: Go processes, all that there were
all_watched()
{
	counted ".followed.watched == $1 and .followed.go == $1 and (.processes | length) == $1 and all(.processes[]; .why_not == null)"
}

proved_in() # NAME: the race is in a program of that name
{
	must 'no race was proved' grep -q '^WARNING: CONCURRENT MAP ACCESS (proven)' "$work/stdout" || return 1
	counted "[.races[].pid] as \$pids | any(.targets[]; (.exe | endswith(\"/$1\")) and (.pid as \$p | \$pids | index(\$p)))"
}

# Copies of programs, so that what is left of them can be found and ended.
end_copies()
{
	pkill -KILL -f "^$bin/" || true
}

no_helper_left()
{
	wait_until 10 no_helper
}

no_helper()
{
	! pgrep -f "$work/out.json" >/dev/null
}

# ---- who is found ----------------------------------------------------------------------------------------------------

follow_shell()
{
	followed 66 --halt-on-race -- sh -c "'$bin/racer' & ls / >/dev/null; wait" && proved_in racer && all_watched 1 &&
		counted '.followed.processes >= 3' && must 'the summary does not say it' grep -q '^  Watched 1 of 1 Go processes, among ' "$work/stderr"
}

# Each from its first instruction on: none is missed, and the first operation of each is seen.
follow_brief()
{
	# shellcheck disable=SC2016
	followed 0 -- sh -c 'for i in 1 2 3 4 5 6 7 8; do "$0" 0 20; done' "$bin/brief" && all_watched 8 &&
		counted '.stats.operations >= 16 and all(.processes[]; .to_s != null and .to_s > .from_s)' &&
		counted '[.stats.caveats[] | select(.code == "no-operations")] == []'
}

# One that becomes another Go program goes on as that one; the shell itself may.
follow_exec_again()
{
	followed 66 --halt-on-race -- sh -c "'$bin/brief' && exec '$bin/racer'" && proved_in racer && all_watched 2 || return 1
	followed 66 --halt-on-race -- sh -c "'$bin/execer' '$bin/racer' 2>'$work/execer' & until grep -qs ready '$work/execer'; do sleep 0.05; done; kill -USR2 \$!; wait" && proved_in racer && all_watched 2 || return 1
	# its own program anew: functions and maps at the same addresses; the command itself, and one that it has started
	followed 66 --halt-on-race -- "$bin/racer" anew 1 && proved_in racer && all_watched 2 || return 1
	followed 66 --halt-on-race --growth -- sh -c "'$bin/racer' anew 1; true" && proved_in racer && all_watched 2 || return 1
	followed 66 --halt-on-race -- sh -c "'$bin/racer' anew 6; true" && proved_in racer && all_watched 7 && counted '.stats.bad_events == 0'
}

# Two programs of one process, one after the other: that no race of the first one could be proved, and with what the second one
# ends, is said of that one alone.
follow_exec_blind()
{
	printf '#!/bin/sh\nGOMAXPROCS=2 exec "%s" 7 300\n' "$bin/brief" >"$work/second"
	chmod +x "$work/second"
	GOMAXPROCS=1 followed 7 -o "$work/out.xml" -- sh -c "(until grep -qs ready '$work/execer'; do sleep 0.05; done; sleep 1; kill -USR2 \$\$) &
		exec '$bin/execer' '$work/second' 2>'$work/execer'" && all_watched 2 || return 1
	counted '[.targets[].pid] | .[0] == .[1]' && counted '[.targets[].exit] == [{}, {code: 7}]' &&
		counted '[.stats.caveats[] | select(.blind) | [.code, .target]] == [["one-p", 0]]' &&
		must 'not so in the summary' grep -q '^No race found in .*: none could be proved in 1 of 2 processes' "$work/stderr" &&
		must 'the first one has passed' grep -q 'testsuite name="execer" tests="1" failures="0" errors="0" skipped="1"' "$work/out.xml" &&
		must 'the second one has not' grep -q 'testsuite name="brief" tests="1" failures="0" errors="0" skipped="0"' "$work/out.xml"
}

# One that a process runs once more, after it has been written over by what it ran meanwhile: no probe of before is put into it.
follow_exec_written_over()
{
	for _ in 1 2 3; do
		cp "$bin/leader" "$bin/deployed"
		rm -f "$work/leader"
		# shellcheck disable=SC2016
		followed 7 -- sh -c '(until grep -qs ready "$2"; do sleep 0.05; done; sleep 0.2; kill -USR2 $$) &
			exec "$0" /bin/sh -c '"'cat \"\$0\" >\"\$1\" && exec \"\$1\" 7 300'"' "$1" "$0" 2>"$2"' "$bin/deployed" "$bin/brief" "$work/leader" &&
			all_watched 2 && counted '[.targets[].exit] == [{}, {code: 7}]' || return 1
	done
}

# A file that nobody runs any more becomes another program where it is: nothing of the first one is taken for the second one's.
follow_written_over()
{
	local first second
	first=$e2e_build/1.19-stripped/brief second=$e2e_build/1.24-stripped/racer
	build_program 1.19-stripped "$e2e_dir/programs/brief.go"
	cp "$first" "$bin/deployed"
	followed 66 --halt-on-race -- sh -c "'$bin/deployed' 0 300 && cp '$second' '$bin/deployed' && '$bin/deployed'" && proved_in deployed &&
		all_watched 2 && counted '[.targets[].go_version[0:6]] == ["go1.19", "go1.24"]'
}

# What is left behind by one that was left behind.
follow_late()
{
	followed 0 -- sh -c "(setsid sh -c \"'$bin/brief' 0 1500; sleep 0.6; exec '$bin/brief' 0 100\" >/dev/null 2>&1 &)" && all_watched 2
}

# Nobody's child any more, and in a session of its own: watched until it ends, after the command has.
follow_double_fork()
{
	followed 66 --halt-on-race -- sh -c "(setsid '$bin/racer' >/dev/null 2>&1 &) ; exit 3" && proved_in racer && all_watched 1 || return 1
	followed 3 -- sh -c "(setsid '$bin/brief' 0 1500 >/dev/null 2>&1 &) ; exit 3" && all_watched 1 && counted '.stats.operations > 100' &&
		must 'not said what is left' grep -q 'the command has ended; 1 process that it has started is watched still' "$work/stderr"
}

follow_other_user()
{
	chmod 755 "$bin/racer"
	followed 66 --halt-on-race -- "${nobody[@]}" "$bin/racer" && proved_in racer && all_watched 1
}

follow_other_root()
{
	mkdir -p "$work/root"
	cp "$e2e_build/1.24-stripped/racer" "$work/root/racer"
	followed 66 --halt-on-race -- chroot "$work/root" /racer && must 'no race was proved' grep -q '^WARNING: CONCURRENT MAP ACCESS' "$work/stdout" &&
		all_watched 1
}

# A file system that is mounted on the way, where only those who are told of can see it; in a PID namespace too.
follow_other_mounts()
{
	mkdir -p "$work/mnt"
	followed 66 --halt-on-race -- unshare -m -p -f --mount-proc sh -c "mount -t tmpfs none '$work/mnt' &&
		cp '$e2e_build/1.24-stripped/racer' '$work/mnt/racer' && '$work/mnt/racer'" &&
		must 'no race was proved' grep -q '^WARNING: CONCURRENT MAP ACCESS' "$work/stdout" && all_watched 1
}

follow_make()
{
	printf 'all: a b c\na b c:\n\t@%s 0 100\n' "$bin/brief" >"$work/Makefile"
	followed 0 -- make -s -j3 -f "$work/Makefile" && all_watched 3
}

follow_go_test()
{
	local version
	for version in 1.19 1.24; do
		follow_module "$version"
		(cd "$work/mod" && GOROOT=$goroot GOTOOLCHAIN=local GOPROXY=off GO111MODULE=on GOFLAGS='' CGO_ENABLED=0 \
			GOCACHE=${MAPRACE_CACHE:-$e2e_top/build/cache}/gocache followed 66 -o "$work/out.xml" -- "$goroot/bin/go" test -count=1 -p 4 ./...) ||
			{ why="Go $version: ${why:-see the output}" && return 1; }
		must "Go $version: no race was proved" grep -q '^WARNING: CONCURRENT MAP ACCESS (proven)' "$work/stdout" || return 1
		must "Go $version: not the test that races" grep -q '^  example.com/racy/racy.TestRacy.func[12]()' "$work/stdout" || return 1
		must "Go $version: the clean package did not pass" grep -q '^ok.*example.com/racy/clean' "$work/stdout" || return 1
		counted '.followed.watched == 2 and (.targets | map(.exe | split("/")[-1]) | sort) == ["clean.test", "racy.test"]' || return 1
		counted '([.races[].pid] | unique) == [.targets[] | select(.exe | endswith("/racy.test")).pid]' || return 1
		must "Go $version: no suite of the test that races" grep -qE '<testsuite name="racy.test" tests="[1-9]" failures="[1-9]"' "$work/out.xml" || return 1
		must "Go $version: no suite of the clean one" grep -qE '<testsuite name="clean.test" tests="1" failures="0"' "$work/out.xml" || return 1
		counted '.followed.not_watched | length == 1 and .[0].why == "it is a tool of Go'"'"'s own"' || return 1
	done
}

# Two packages: one races for two seconds.
follow_module()
{
	rm -rf "$work/mod"
	mkdir -p "$work/mod/racy" "$work/mod/clean"
	sed 's/20 \* time.Second/2 * time.Second/' "$e2e_dir/programs/racy_test.go" >"$work/mod/racy/racy_test.go"
	printf 'package clean\n\nimport "testing"\n\nfunc TestClean(t *testing.T) {\n\tm := map[int]int{}\n\tm[1]++\n}\n' >"$work/mod/clean/clean_test.go"
	printf 'module example.com/racy\n\ngo 1.19\n' >"$work/mod/go.mod"
	go_root "$1"
}

# ---- nobody notices --------------------------------------------------------------------------------------------------

# Statuses, signals, standard input and what is ignored are as without us.
follow_statuses()
{
	followed 7 -- sh -c "'$bin/brief' 7" && all_watched 1 || return 1
	followed 143 -- sh -c "'$bin/brief' 0 20; kill -TERM \$\$" || return 1
	# shellcheck disable=SC2016
	followed 0 -- sh -c '"$0" 5 10 && exit 1; test $? = 5 && test "$(echo in | "$0" 0 10; echo out)" = out' "$bin/brief" && all_watched 2
}

# An execve that fails is none, whoever looked at it: the next one that does not is.
follow_no_exec()
{
	head -c 100000 "$bin/brief" >"$bin/cut"
	chmod +x "$bin/cut"
	followed 0 -- sh -c "'$bin/cut' 2>/dev/null; '$bin/none' 2>/dev/null; '$bin/brief'" && counted '.followed.watched == 1' || return 1
	followed 1 -- sh -c true || return 1
	must 'not said that there was none' grep -q 'is not a Go program, and no Go code was seen in its process until it ended, nor in what it has started' "$work/stderr"
}

# An execve that fails for what it is given, and then one that is none of Go's: that is not taken for the first one.
follow_too_long()
{
	# shellcheck disable=SC2016
	followed 0 -- bash -c 'long=$(head -c 200000 /dev/zero | tr "\0" a); (exec "$0" "$long") 2>/dev/null || (exec /bin/ls /) >/dev/null; "$0"' "$bin/brief" &&
		counted '.followed.watched == 1 and .followed.go == 1'
}

# What no section tells of: it may be a Go program. One that is none is looked at once, and no more.
follow_no_sections()
{
	local at name
	cp "$bin/brief" "$bin/bare"
	cp "$(command -v ls)" "$bin/list"
	for name in bare list; do
		for at in 40:8 60:4; do # where its headers of sections are, and how many
			head -c "${at#*:}" /dev/zero | dd of="$bin/$name" bs=1 seek="${at%:*}" conv=notrunc 2>"$work/dd"
		done
	done
	followed 0 -- sh -c "'$bin/list' / >/dev/null; '$bin/bare' 0 100; '$bin/list' / >/dev/null" && all_watched 1
}

# One that somebody else traces cannot be stopped there: it runs, and is named.
follow_traced()
{
	followed 0 -- "$maprace" watch -q --no-follow -- "$bin/brief" || return 1
	must 'not said' grep -q '^  Caveat: Go processes that were not watched: 1: somebody else traces it' "$work/stderr" &&
		counted 'any(.processes[]; .why_not == "somebody else traces it")'
}

# One that goes on as a copy of its parent, without an execve: watched, and said, when it has lived for a moment; what it does is
# its own. Nothing is said of those that end or execute something by then, and the parent's probes harm nobody.
follow_forked()
{
	local at='[.processes[].pid] as [$p, $c] | [.targets[].pid] == [$p, $c]'
	followed 0 -- "$bin/forker" 4000 && all_watched 2 && counted "$at" && counted '.followed.processes == 2' &&
		counted '.targets[1].watched_from_s > 0.9' &&
		counted '[.stats.caveats[] | select(.code == "forked") | [.target, .blind]] == [[1, false]]' &&
		counted '[.stats.caveats[] | select(.blind) | [.code, .target]] == [["one-thread", 1]]' &&
		counted '.targets[1].pid as $c | [.stats.budget.functions[] | select(.pid == $c) | .hits] | add > 100' &&
		must 'not said in the summary' grep -q '^  Caveat: process [0-9]* was forked by process [0-9]*, and has executed nothing' "$work/stderr" || return 1
	followed 0 -- sh -c "'$bin/forker' 150 8; for i in 1 2 3 4 5 6 7 8; do (sleep 0.3); done" && all_watched 1 &&
		counted '[.stats.caveats[] | select(.code == "forked")] == []' || return 1
	# nobody's child by the time that it is looked at
	followed 0 -- sh -c "('$bin/forker' 8000 & echo \$! >'$work/parent'); p=\$(cat '$work/parent'); until pgrep -P \$p || ! kill -0 \$p; do sleep 0.05; done; kill -KILL \$p" &&
		all_watched 2 && counted '[.stats.caveats[] | select(.code == "forked") | .target] == [1]'
}

# racing COMMAND...: its race is proved; once more where it has died of it before, on a busy machine
racing()
{
	local _
	for _ in 1 2 3 4 5; do
		"$@" && return
		grep -aqs 'fatal error: concurrent map' "$work/stderr" || return
	done
	return 1
}

# A Go library in the child of a program that is not Go: its race is proved.
follow_forked_library()
{
	racing followed 66 --halt-on-race -- "${calm[@]}" "$bin/forker-c" 15000 1 "$library" && all_watched 1 &&
		must 'no race was proved' grep -q '^WARNING: CONCURRENT MAP ACCESS (proven)' "$work/stdout" &&
		counted '[.targets[] | [.library, .watched_from_s > 0.9]] == [["'"$library"'", true]]' &&
		counted '[.stats.caveats[] | select(.blind)] == []'
}

# load_in COMMAND: who has read from its input goes on reading, so each has one of its own
load_in()
{
	local input status=0
	input=$(mktemp -u "$work/input.XXXXXX")
	mkfifo "$input"
	exec 9<>"$input"
	echo "1 $library" >&9
	followed 66 --halt-on-race -- "${calm[@]}" sh -c "exec <'$input'; $1" || status=$?
	exec 9>&-
	return "$status"
}

# The same in a program that the command starts, in one that it becomes, and in itself.
follow_loaded()
{
	local command
	for command in "'$bin/loader'; true" "sleep 0.2; exec '$bin/loader'" "exec '$bin/loader'"; do
		racing load_in "$command" || { why="$command: ${why:-}" && return 1; }
		all_watched 1 && counted '[.stats.caveats[] | select(.blind)] == []' &&
			must 'no race was proved' grep -q '^WARNING: CONCURRENT MAP ACCESS (proven)' "$work/stdout" || return 1
	done
}

# killed as it is at work: the command goes on, nothing is left.
follow_killed()
{
	"$maprace" watch -q -o "$work/out.json" -- sh -c "for i in 1 2 3 4 5 6 7 8 9; do '$bin/brief' 0 100; done; echo done" >"$work/stdout" 2>"$work/stderr" &
	target=$!
	wait_until 10 pgrep -f "^$bin/brief" >/dev/null || return 1
	kill -KILL "$target"
	wait "$target" 2>/dev/null || true
	must 'helpers are left' no_helper_left || return 1
	must 'the command did not go on' wait_until 20 grep -qs '^done' "$work/stdout"
}

# What answers the kernel is killed: the command goes on, what is watched is, and it is said.
follow_gate_killed()
{
	local status=0
	"$maprace" watch -o "$work/out.json" -- sh -c "'$bin/brief' 0 1500; '$bin/brief'; echo done" >"$work/stdout" 2>"$work/stderr" &
	target=$!
	wait_until 10 watching || return 1
	pkill -KILL -P "$target" -x mr-execgate
	wait "$target" || status=$?
	target=
	must "exit status $status" test "$status" = 0 || return 1
	must 'the command did not go on' grep -qs '^done' "$work/stdout" || return 1
	must 'not said' grep -q '^  Caveat: what looked for the Go programs that are started has ended' "$work/stderr" && counted '.followed.watched == 1'
}

# What answers the kernel is held up itself by a file that its owner keeps from being opened: it gives up, and the machine goes on.
follow_gate_stuck()
{
	local began holder
	cp "$bin/brief" "$bin/leased"
	"$maprace" watch -o "$work/out.json" -- sh -c "'$bin/brief' 0 5000" >"$work/stdout" 2>"$work/stderr" &
	target=$!
	wait_until 10 watching || return 1
	"$e2e_build/1.24-stripped/leaser" "$bin/leased" 2>"$work/leaser" &
	holder=$!
	wait_until 10 grep -qs ready "$work/leaser" || return 1
	began=${EPOCHREALTIME/./}
	"$bin/leased" 0 0 2>/dev/null &
	wait_until 10 grep -qs asked "$work/leaser" || return 1 # it waits, or who looks at the file for maprace does
	sleep 0.2
	"$bin/brief" 0 0
	must 'others had to wait' test $((${EPOCHREALTIME/./} - began)) -lt 5000000 || return 1
	kill -KILL "$holder"
	wait "$target" || return 1
	target=
	must 'not said' grep -q '^  Caveat: what looked for the Go programs that are started has ended' "$work/stderr" && counted '.followed.watched == 1'
}

# The process that is watched does not stand at its first instruction any more, where maprace keeps it: it has ended, or nobody traces it.
goes_on()
{
	local pid
	pid=$(sed -n 's/^maprace: watching process \([0-9]*\) .*/\1/p' "$work/stderr" | head -n 1)
	[[ ! -e /proc/$pid/status ]] || grep -qs '^TracerPid:[[:space:]]*0$' "/proc/$pid/status"
}

# maprace stands still: the machine does not, and the command but for a moment.
follow_stopped()
{
	local began
	"$maprace" watch -o "$work/out.json" -- sh -c "'$bin/brief' 0 300; '$bin/brief'; echo done" >"$work/stdout" 2>"$work/stderr" &
	target=$!
	wait_until 10 watching && wait_until 10 goes_on || return 1
	kill -STOP "$target"
	began=${EPOCHREALTIME/./}
	"$bin/brief" 0 0
	must 'others had to wait' test $((${EPOCHREALTIME/./} - began)) -lt 1000000 || return 1
	must 'the command had to wait' wait_until 40 grep -qs '^done' "$work/stdout" || return 1
	kill -CONT "$target"
	wait "$target" || return 1
	target=
	must 'not said' grep -q '^  Caveat: Go programs that were let go unwatched, as maprace was busy: 1$' "$work/stderr"
}

follow_no_follow()
{
	followed 1 --no-follow -d 5 -- sh -c "'$bin/brief'" || return 1
	must 'refused otherwise' grep -q 'is not a Go program, and no Go code was seen in its process until it ended' "$work/stderr"
}

# What runs for long is no test any more: said, and from then on it is delayed as an attached process is. Not what --slowdown is
# given for.
follow_service()
{
	export MAPRACE_SERVICE_S=0.5
	followed 0 -- "$bin/brief" 0 1000 &&
		must 'not said' grep -q 'has run for 0.5 s: it is taken for a service, and may be delayed by 5 percent from now on' "$work/stderr" &&
		counted '.stats.budget | .slowdown == 2 and .lived_s >= 0.5 and .lived_s < 0.9 and .waited_s <= .lived_s' &&
		must 'not what it took' grep -qE '^  Cost: waited .* for traps and holds, took up to .* times as long as alone \(--slowdown 2\)$' "$work/stderr" || return 1
	followed 0 --slowdown 1.5 -- "$bin/brief" 0 1000 &&
		must 'a service all the same' test -z "$(grep 'taken for a service' "$work/stderr")" &&
		counted '.stats.budget | .slowdown == 1.5 and .lived_s > 0.9'
}

follow_build()
{
	local name
	bin=$e2e_build/follow/$$
	mkdir -p "$bin"
	for name in brief racer execer leaser leader forker; do
		build_program 1.24-stripped "$e2e_dir/programs/$name.go"
		cp "$e2e_build/1.24-stripped/$name" "$bin/"
	done
	build_program 1.24-cshared "$e2e_dir/programs/library.go"
	library=$e2e_build/1.24-cshared/library
	${CC:-cc} -O -Wall -o "$bin/forker-c" "$e2e_dir/programs/forker.c" -ldl
	${CC:-cc} -O -Wall -o "$bin/loader" "$e2e_dir/programs/loader.c" -ldl -lpthread
}

follow_all()
{
	local name why
	follow_build
	for name in $follow_names; do
		((${#follow_only[@]} == 0)) || [[ " ${follow_only[*]} " == *" $name "* ]] || continue
		fresh_work "follow-$name"
		why='' target=''
		if "follow_$name"; then
			pass "follow: $name"
		else
			fail "follow: $name" "${why:-failed}"
		fi
		unset MAPRACE_SERVICE_S
		end_copies
		cleanup
	done
	rm -rf "$bin"
}
follow_only=()
library= # a Go library
bin= # where they are

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	follow_only=("$@")
	follow_all
	finish
fi
