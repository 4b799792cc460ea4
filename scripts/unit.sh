#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Run cmocka programs one by one and add up what they say. Output only of one that fails, then stop; all with V=1.
# usage: scripts/unit.sh PROGRAM...
set -euo pipefail

(($#)) || { echo "unit.sh: no unit tests" >&2 && exit 1; }
passed=0
failed=0
skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:${ASAN_OPTIONS:-}
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}

# the number in cmocka's line "[  PASSED  ] 5 test(s)."
count()
{
	awk -v word="$1" '$2 == word { n += $4 } END { print n + 0 }' "$log"
}

for program in "$@"; do
	status=0
	timeout 300 "$program" >"$log" 2>&1 || status=$?
	ok=$(count PASSED)
	bad=$(count FAILED)
	skip=$(count SKIPPED)
	passed=$((passed + ok))
	skipped=$((skipped + skip))
	if ((status || bad || ok == 0)); then
		((bad)) || bad=1
		failed=$((failed + bad))
		cat "$log"
		echo "  FAIL   $program (exit status $status, $ok passed)"
		break
	fi
	[[ ${V:-0} == 0 ]] || cat "$log"
	printf '  UNIT   %s: %d\n' "${program##*/}" "$ok"
done
echo "$passed passed, $failed failed$( ((skipped)) && echo ", $skipped skipped")"
((!failed))
