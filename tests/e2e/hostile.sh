#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Programs, names and files that mean us harm: we are root.
#
# usage: tests/e2e/hostile.sh      a quarter of a minute
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

hostile_build=1.19-stripped
hostile_memory_kb=300000 # most of it to write the document; without bounds it was 1,900,000 after as long

# The files of the program's table lead to a FIFO, which is never to be opened.
hostile_names()
{
	local source=$e2e_build/hostile/hostile_names.go trap_file=$e2e_build/trap.go status=0 peak=0 now opened='' writer tool
	fresh_work hostile
	mkdir -p "$e2e_build/hostile" # go build wants all sources in one folder
	[[ $source -nt $e2e_dir/programs/hostile_names.sh ]] || "$e2e_dir/programs/hostile_names.sh" "$trap_file" >"$source"
	cp -p "$e2e_dir/cases/harness.go" "$e2e_build/hostile"
	build_program "$hostile_build" "$source" "$e2e_build/hostile/harness.go"
	rm -f "$trap_file"
	mkfifo "$trap_file"
	: >"$trap_file" & # waits until somebody opens it to read
	writer=$!
	start_target "$e2e_build/$hostile_build/hostile_names" 60
	"$maprace" watch -p "$target" -d 5 --budget 100 --source-root / -o "$work/out.json" -o "$work/out.txt" \
		>"$work/stdout" 2>"$work/stderr" &
	tool=$!
	while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$tool/status" 2>/dev/null) && [[ -n $now ]]; do
		peak=$now
		((peak <= 2 * hostile_memory_kb)) || kill -KILL "$tool"
		sleep 0.1
	done
	wait "$tool" || status=$?
	kill "$writer" 2>/dev/null || opened=yes
	wait "$writer" 2>/dev/null || true
	rm -f "$trap_file"
	hostile_outcome
	stop_target || true
}

# of hostile_names(), in whose variables it is
hostile_outcome()
{
	local file why='' races=0 named=''
	if ((status != 66)); then
		why="exit status $status, not 66"
	elif ((peak > hostile_memory_kb)); then
		why="$peak kB of memory"
	elif ! jq -e '.stats.names_cut > 0 and ([.. | strings | utf8bytelength] | max) <= 1024' "$work/out.json" >/dev/null; then
		why='names were not cut, or not counted'
	elif ! grep -q 'names_cut' "$work/stderr"; then
		why='the summary does not say that names were cut'
	else
		races=$(jq '.races | length' "$work/out.json")
		named=$(jq --arg file "$trap_file" '[.. | strings] | any(. == $file)' "$work/out.json")
	fi
	for file in "$work"/{stdout,out.json,out.txt}; do
		[[ ! -e $file ]] || truncate -s '<10000' "$file" # what fails is shown
	done
	if [[ -n $why ]]; then
		fail 'long names, deep stacks' "$why"
	else
		pass "long names, deep stacks: $peak kB of memory, $races races"
	fi
	if [[ -n $opened ]]; then
		fail 'a source file that is a FIFO' 'it was opened'
	elif [[ $named != true ]]; then
		fail 'a source file that is a FIFO' 'no stack names it'
	else
		pass 'a source file that is a FIFO: not opened'
	fi
}

# An executable whose name looks like a message of ours, and steers the terminal.
hostile_executable()
{
	local name dir status=0
	name=$'x\nmaprace: error: forged \xe2\x80\xae\xe2\x80\xa8\xc2\x9b2J\e[2J\xff'
	fresh_work hostile
	dir=$(mktemp -d)
	cp "$e2e_build/1.24-stripped/sleeper" "$dir/$name"
	start_target "$dir/$name"
	"$maprace" watch -v -p "$target" -d 1 -o "$work/out.json" -o "$work/out.html" -o "$work/out.sarif" -o "$work/out.xml" \
		>"$work/stdout" 2>"$work/stderr" || status=$?
	"$maprace" inspect -p "$target" >>"$work/stdout" 2>>"$work/stderr" || status=$?
	head -c 100 "$dir/$name" >"$dir/cut$name"
	"$maprace" inspect "$dir/cut$name" >>"$work/stdout" 2>>"$work/stderr" && status="a cut file was taken"
	rm -rf "$dir"
	if [[ $status != 0 ]]; then
		fail 'a name full of tricks' "exit status $status"
	elif grep -q '^maprace: error: forged' "$work/stderr" "$work/stdout"; then
		fail 'a name full of tricks' 'it forged a line'
	elif LC_ALL=C grep -q $'[^ -~\t]' "$work"/stdout "$work"/stderr "$work"/out.{json,html,sarif,xml}; then
		fail 'a name full of tricks' 'raw bytes left us'
	elif ! grep -q 'forged ..u{202e}..u{2028}..u{9b}2J..x1b.2J..xff' "$work/stderr" && ! grep -qF 'forged \u{202e}\u{2028}\u{9b}2J\x1b[2J\xff' "$work/stderr"; then
		fail 'a name full of tricks' 'the name is not told'
	elif ! jq -e '.targets[0].exe | contains("forged")' "$work/out.json" >/dev/null; then
		fail 'a name full of tricks' 'the document does not tell it'
	else
		pass 'a name full of tricks: one line a message'
	fi
	stop_target || true
}

# Links and files that somebody else has put into /tmp, whatever the kernel's protected_* say.
hostile_outputs()
{
	local dir what option status result=''
	fresh_work hostile
	dir=$(mktemp -d)
	chmod 1777 "$dir"
	echo precious >"$dir/victim"
	ln -s victim "$dir/link"
	echo theirs >"$dir/file"
	mkfifo "$dir/fifo"
	chown -h nobody "$dir/link" "$dir/file" "$dir/fifo"
	start_target "$e2e_build/1.24-stripped/sleeper"
	for what in link file fifo; do
		for option in -o --record; do
			status=0
			timeout 10 "$maprace" watch -p "$target" -d 1 "$option" "$dir/$what" >"$work/stdout" 2>"$work/stderr" || status=$?
			((status == 1)) && grep -q 'error: cannot write .*not yours' "$work/stderr" && grep -q 'hint: ' "$work/stderr" ||
				result="$option a stranger's $what: exit status $status"
		done
	done
	grep -qx precious "$dir/victim" && grep -qx theirs "$dir/file" || result="a stranger's link or file was written to"
	echo ours >"$dir/ours.json"
	chmod 604 "$dir/ours.json"
	chown nobody "$dir/ours.json"
	chmod 755 "$dir"
	"$maprace" watch -q -p "$target" -d 1 -o "$dir/ours.json" 2>"$work/stderr" || result="exit status $? with a file to replace"
	[[ $(stat -c '%a %U' "$dir/ours.json") == '604 nobody' ]] || result='a replaced file did not keep its mode and owner'
	jq -e .schema "$dir/ours.json" >/dev/null || result='no document'
	rm -rf "$dir"
	if [[ -n $result ]]; then
		fail 'outputs in the way of strangers' "$result"
	else
		pass 'outputs in the way of strangers: refused before anything is attached; mode and owner kept'
	fi
	stop_target || true
}

# A process that maps two files by turns and does nothing else: what it may be that runs there instead is looked for, but not for long.
hostile_mappings()
{
	local status=0
	fresh_work hostile
	build_program 1.24-stripped "$e2e_dir/programs/mapped.go"
	cp "$e2e_build/1.24-stripped/sleeper" "$work/one"
	cp "$e2e_build/1.24-stripped/sleeper" "$work/other"
	truncate -s 100 "$work/one" "$work/other"
	if ! start_target "$e2e_build/1.24-stripped/mapped" "$work/one" "$work/other" 20000; then
		skip 'twenty thousand mappings' "cannot be made here: $(<"$work/target")"
		return
	fi
	timeout 20 "$maprace" watch -p "$target" -d 3 >"$work/stdout" 2>"$work/stderr" || status=$?
	if ((status)); then
		fail 'twenty thousand mappings' "exit status $status"
	elif grep -q 'maprace was stopped' "$work/stderr"; then
		fail 'twenty thousand mappings' 'it was busy with them for ten seconds'
	else
		pass 'twenty thousand mappings: looked into for a moment'
	fi
	kill -KILL "$target"
	wait "$target" 2>/dev/null || true
	target=
}

hostile_all()
{
	build_program 1.24-stripped "$e2e_dir/programs/sleeper.go"
	hostile_names
	hostile_executable
	hostile_outputs
	hostile_mappings
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	hostile_all
	finish
fi
