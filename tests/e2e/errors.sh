#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What bad input gets: the right exit status, one clear line, and a target that was not touched.
#
# usage: tests/e2e/errors.sh
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# refused NAME STATUS PATTERN ARG...: maprace ARG... ends with STATUS in 10 s, prints nothing on standard output and one error
# on standard error, which matches, perhaps with a hint after it. A live target must be as it was.
refused()
{
	local name=$1 expected=$2 pattern=$3 status=0
	shift 3
	echo "maprace $*" >"$work/command"
	timeout -k 1 10 "$maprace" "$@" >"$work/stdout" 2>"$work/stderr" </dev/null || status=$?
	if ((status != expected)); then
		fail "$name" "exit status $status, not $expected"
	elif [[ -s $work/stdout ]]; then
		fail "$name" "something on standard output"
	elif (($(grep -c 'error: ' "$work/stderr") != 1)) || (($(grep -vc 'hint: \|warning: ' "$work/stderr") != 1)); then
		fail "$name" "not one line that tells the error"
	elif ! grep -q "error: .*$pattern" "$work/stderr"; then
		fail "$name" "does not say '$pattern'"
	elif grep -q '[^ -~]' "$work/stderr"; then
		fail "$name" "raw bytes on standard error"
	elif [[ -n $target ]] && ! text_same "$target"; then
		fail "$name" "the target's code was changed"
	else
		pass "$name: $(sed -n 's/^maprace: error: //p' "$work/stderr")"
	fi
}

errors_usage()
{
	fresh_work errors
	refused 'no command' 2 'command'
	refused 'an unknown command' 2 'frobnicate' frobnicate
	refused 'nothing to watch' 2 'PID' watch
	refused 'an unknown option' 2 'frobnicate' watch --frobnicate
	refused 'a process id that is none' 2 'abc' watch -p abc
	refused 'a negative process id' 2 '-5' watch -p -5
	refused 'a huge process id' 2 '99999999999999999999' watch -p 99999999999999999999
	refused 'a duration that is none' 2 'soon' watch -p 1 -d soon
	refused 'a negative duration' 2 'duration' watch -p 1 -d -1
	refused 'a hold that is none' 2 'max-hold' watch -p 1 --max-hold 5parsecs
	refused 'an exit status too high' 2 'exitcode' watch -p 1 --exitcode 256
	refused 'a process id and a command' 2 '' watch -p 1 -- true
	refused 'nothing to inspect' 2 '' inspect
	refused 'an unknown format' 2 'papyrus' report /dev/null --format papyrus
}

errors_processes()
{
	local gone_pid
	fresh_work errors
	"$e2e_build/1.19-stripped/sleeper" >/dev/null 2>&1 &
	gone_pid=$!
	kill -KILL "$gone_pid"
	wait "$gone_pid" 2>/dev/null || true
	refused 'a process that is gone' 1 "$gone_pid" watch -p "$gone_pid" -d 1
	refused 'a command that is not there' 1 '/no/such/command' watch -d 1 -- /no/such/command
	sleep 1000 &
	target=$!
	wait_until 5 grep -qs sleep "/proc/$target/comm"
	refused 'a process that is not Go' 1 'not a Go program, and has loaded no Go library' watch -p "$target" -d 1
	cleanup
	target=
	refused 'a command that is not Go' 1 'not a Go program, and no Go code was seen in its process until it ended' watch -d 1 -- /bin/true
	refused 'a command that goes on and is not Go' 1 'no Go code was seen in its process until the time given was over' watch -d 0.5 -- sleep 1000
	refused 'a kernel thread' 1 '' watch -p 2 -d 1
	errors_wrappers
}

# What the command runs itself is not Go, and neither is anything that it starts: by its own name, which is there when the process is gone.
errors_wrappers()
{
	local nor='until it ended, nor in what it has started'
	refused 'a shell' 1 "$(readlink -f "$(command -v sh)") is not a Go program, .*$nor" watch -- sh -c :
	refused 'make' 1 "/make is not a Go program, .*$nor" watch -- make -s -f /dev/null --eval all: all
	refused 'what is no wrapper' 1 "/true is not a Go program, .*$nor" watch -- true
	refused 'a shell alone' 1 'no Go code was seen in its process until it ended' watch --no-follow -- sh -c :
}

errors_targets()
{
	fresh_work errors
	start_target "$e2e_build/1.19-stripped/sleeper"
	refused 'an output folder that is not there' 1 '/no/such' watch -p "$target" -d 1 -o /no/such/folder/out.json
	refused 'an output that is a folder' 1 "$work" watch -p "$target" -d 1 -o "$work"
	refused 'one good process and one that is gone' 1 '99999999' watch -p "$target,99999999" -d 1
	refused 'one Go process and one that is not' 1 '' watch -p "$target,$$" -d 1
	errors_unprivileged
	cleanup
	fresh_work errors
	start_target "$e2e_build/1.15-stripped/sleeper"
	refused 'a process of Go 1.15' 1 'go1\.15' watch -p "$target" -d 1
	cleanup
	target=
	refused 'a command of Go 1.15' 1 'go1\.15' watch -d 1 -- "$e2e_build/1.15-stripped/sleeper"
	refused 'a 32-bit command' 1 '386\|32' watch -d 1 -- "$e2e_build/386/sleeper"
}

# What the place that maprace runs in lacks, or has: one line each that says what to do.
errors_places()
{
	local program=$maprace
	fresh_work errors
	start_target "$e2e_build/1.24-stripped/sleeper"
	maprace=$work/run
	# shellcheck disable=SC2016
	place 'ulimit -n 32' 'exec "$maprace" "$@"'
	refused 'few files: a process' 1 'limit of open files is 32, and maprace needs [0-9]*' watch -p "$target" -d 1
	refused 'few files: a command' 1 'limit of open files is 32' watch -d 1 -- "$e2e_build/1.24-stripped/sleeper"
	# shellcheck disable=SC2016
	place 'exec unshare -m sh -c "umount -l /proc && exec \"\$@\"" sh "$maprace" "$@"'
	if unshare -m true 2>/dev/null; then
		refused 'no /proc: a process' 1 '/proc is not mounted' watch -p "$target" -d 1
		refused 'no /proc: a command' 1 '/proc is not mounted' watch -d 1 -- "$e2e_build/1.24-stripped/sleeper"
	else
		skip 'no /proc' 'no mount namespaces here'
	fi
	# shellcheck disable=SC2016
	place 'exec "$tracer" "$maprace" "$@"'
	refused 'traced: a command' 1 'process [0-9]* (strace -f, a debugger) traces maprace' watch -d 1 -- "$e2e_build/1.24-stripped/sleeper"
	maprace=$program
	cleanup
	errors_traced
}

# place COMMAND...: how maprace is run from now on; $maprace and $tracer are known there
place()
{
	{
		printf '#!/bin/bash\nmaprace=%q tracer=%q\n' "$program" "$e2e_build/tracer"
		printf '%s\n' "$@"
	} >"$work/run"
	chmod +x "$work/run"
}

# A target that somebody else traces is watched all the same, and that is said.
errors_traced()
{
	local status=0 traced
	fresh_work errors
	start_target "$e2e_build/tracer" "$e2e_build/1.24-stripped/sleeper"
	traced=$(pgrep -P "$target")
	"$maprace" watch -p "$traced" -d 1 -o "$work/out.json" >"$work/stdout" 2>"$work/stderr" || status=$?
	if ((status == 0)) && grep -q "warning: process $traced is traced by process $target: " "$work/stderr" &&
		jq -e '.stats.operations > 10' "$work/out.json" >/dev/null; then
		pass 'a process that is traced: watched, and told of'
	else
		fail 'a process that is traced' "exit status $status, or not told of"
	fi
	kill -KILL "$traced"
	cleanup
	target=
}

# the same file, as somebody who may not
errors_unprivileged()
{
	local dir status=0
	dir=$(mktemp -d)
	chmod 755 "$dir"
	cp "$maprace" "$e2e_build/1.24-stripped/sleeper" "$dir"
	if "${nobody[@]}" "$dir/maprace" inspect "$dir/sleeper" >"$work/stdout" 2>"$work/stderr"; then
		pass 'inspect needs no root'
	else
		fail 'inspect needs no root' "exit status $?"
	fi
	"${nobody[@]}" timeout 10 "$dir/maprace" watch -p "$target" -d 1 \
		>"$work/stdout" 2>"$work/stderr" || status=$?
	if ((status == 1)) && grep -qi 'error: .*\(root\|permi\|privileg\|EPERM\|EACCES\)' "$work/stderr"; then
		pass "watch without root: $(sed -n 's/^maprace: error: //p' "$work/stderr" | head -1)"
	else
		fail 'watch without root' "exit status $status"
	fi
	errors_without_ptrace "$dir/maprace"
	rm -rf "$dir"
}

# errors_without_ptrace MAPRACE: all but the right to look at others' processes; doctor knows of it before watch does
errors_without_ptrace()
{
	local status=0 line with_caps
	with_only bpf,perfmon
	local run=("${with_caps[@]}" "$1")
	"${run[@]}" watch -p "$target" -d 1 >"$work/stdout" 2>"$work/stderr" || status=$?
	if ((status == 1)) && grep -q 'hint: .*CAP_SYS_PTRACE' "$work/stderr"; then
		pass "watch without CAP_SYS_PTRACE: $(sed -n 's/^maprace: error: //p' "$work/stderr" | head -1)"
	else
		fail 'watch without CAP_SYS_PTRACE' "exit status $status, or the hint does not name it"
	fi
	"${run[@]}" doctor >"$work/stdout" 2>"$work/stderr" || true
	for line in '^ptrace  *no ' 'fix: .*CAP_SYS_PTRACE' '^maprace watch \(cannot work here\|works here, on processes of this user\)'; do
		grep -q "$line" "$work/stdout" || break
		line=
	done
	if [[ -z $line ]]; then
		pass 'doctor without CAP_SYS_PTRACE'
	else
		fail 'doctor without CAP_SYS_PTRACE' "no line like '$line'"
	fi
}

errors_files()
{
	local size good=$e2e_build/1.24-stripped/sleeper
	fresh_work errors
	refused 'a file that is not there' 1 '/no/such/file' inspect /no/such/file
	refused 'a folder' 1 '/' inspect /
	refused 'a text' 1 'ELF' inspect "$e2e_dir/errors.sh"
	refused 'an ELF file that is not Go' 1 'Go' inspect /bin/true
	refused 'a Go 1.15 file' 1 'go1\.15' inspect "$e2e_build/1.15-stripped/sleeper"
	refused 'a 32-bit file' 1 '386\|32' inspect "$e2e_build/386/sleeper"
	for size in 0 3 40 64 100 1000 4096 100000 $(($(stat -c %s "$good") / 2)) $(($(stat -c %s "$good") - 100000)); do
		head -c "$size" "$good" >"$work/cut"
		refused "an ELF file cut to $size bytes" 1 'cut' inspect "$work/cut"
	done
	rm -f "$work/cut"
	{ head -c 64 "$good" && head -c 100000 /dev/urandom; } >"$work/noise"
	refused 'an ELF header before noise' 1 'noise' inspect "$work/noise"
	rm -f "$work/noise"
	refused 'a device' 1 '/dev/zero' inspect /dev/zero
	refused 'a recording that is none' 1 'errors.sh' report "$e2e_dir/errors.sh"
	errors_recordings
}

# Recordings damaged or cut in their first bytes; files that rules and baselines are read from.
errors_recordings()
{
	local good=$e2e_dir/../recordings/shop.mrec status
	cp "$good" "$work/damaged.mrec"
	printf "\\x7f" | dd of="$work/damaged.mrec" bs=1 seek=5000 conv=notrunc status=none
	status=0
	"$maprace" report "$work/damaged.mrec" >"$work/stdout" 2>"$work/stderr" || status=$?
	if ((status == 1)) && grep -q 'error: .*damaged at byte 2512: ' "$work/stderr" && grep -q '(proven)' "$work/stdout"; then
		pass 'a damaged recording: told, and what stands before the damage is shown'
	else
		fail 'a damaged recording' "exit status $status, or not as it should be"
	fi
	head -c 12 "$good" >"$work/cut.mrec"
	refused 'a recording cut in its head' 1 'cut in its first bytes' report "$work/cut.mrec"
	printf 'races:x\n' >"$work/rules"
	refused 'a file of suppressions that is none' 1 'rules, line 1: not a suppression' report "$good" --suppressions "$work/rules"
	refused 'a baseline that is none' 1 'the baseline .*rules: ' report "$good" --baseline "$work/rules"
	refused 'one file to compare' 2 'two files' report "$good" --diff
	rm -f "$work"/{damaged,cut}.mrec "$work/rules"
}

errors_build()
{
	local build
	for build in 1.15-stripped 1.19-stripped 1.24-stripped; do
		build_program "$build" "$e2e_dir/programs/sleeper.go"
	done
	[[ $e2e_build/tracer -nt $e2e_dir/programs/tracer.c ]] || ${CC:-cc} -O -Wall -o "$e2e_build/tracer" "$e2e_dir/programs/tracer.c"
	[[ $e2e_build/386/sleeper -nt $e2e_dir/programs/sleeper.go ]] && return
	go_root 1.19
	mkdir -p "$e2e_build/386"
	GOARCH=386 GOROOT=$goroot GOTOOLCHAIN=local GOPROXY=off GO111MODULE=off GOCACHE=${MAPRACE_CACHE:-$e2e_top/build/cache}/gocache CGO_ENABLED=0 \
		"$goroot/bin/go" build -o "$e2e_build/386/sleeper" "$e2e_dir/programs/sleeper.go"
}

errors_all()
{
	errors_build
	errors_usage
	errors_processes
	errors_targets
	errors_places
	errors_files
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	errors_all
	finish
fi
