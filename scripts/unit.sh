#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Run cmocka programs, two at a time, and add up what they say. Output only of those that fail; of all with V=1.
# usage: scripts/unit.sh PROGRAM...
set -euo pipefail

(($#)) || { echo "unit.sh: no unit tests" >&2 && exit 1; }
passed=0
failed=0
skipped=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:${ASAN_OPTIONS:-}
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}

# run PROGRAM LOG: its exit status is the log's last line
run()
{
	local status=0
	timeout 300 "$1" >"$2" 2>&1 || status=$?
	printf '\n%d\n' "$status" >>"$2"
}

# the number in cmocka's line "[  PASSED  ] 5 test(s)."
count() # WORD LOG
{
	awk -v word="$1" '$2 == word { n += $4 } END { print n + 0 }' "$2"
}

# add_up PROGRAM LOG
add_up()
{
	local status ok bad skip
	status=$(tail -n 1 "$2")
	ok=$(count PASSED "$2")
	bad=$(count FAILED "$2")
	skip=$(count SKIPPED "$2")
	passed=$((passed + ok))
	skipped=$((skipped + skip))
	if ((status || bad || ok == 0)); then
		((bad)) || bad=1
		failed=$((failed + bad))
		cat "$2"
		echo "  FAIL   $1 (exit status $status, $ok passed)"
		return
	fi
	[[ ${V:-0} == 0 ]] || cat "$2"
	printf '  UNIT   %s: %d\n' "${1##*/}" "$ok"
}

# One lane has every other program; what they say is told in the order in which they were given.
lane() # FIRST PROGRAM...
{
	local first=$1 i
	shift
	for ((i = first; i <= $#; i += 2)); do run "${!i}" "$logs/$i"; done
}

lane 1 "$@" &
lane 2 "$@"
wait
number=0
for program; do add_up "$program" "$logs/$((++number))"; done
echo "$passed passed, $failed failed$( ((skipped)) && echo ", $skipped skipped")"
exit "$((failed > 0))"
