#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Run suites (make targets) one after the other and add up their closing lines "N passed, N failed[, N skipped]".
# A suite that fails, says nothing or skips all ends the run.
# usage: scripts/test.sh SUITE...
set -euo pipefail

make=${MAKE:-make} # of the same options; may be several words
# what a suite needs is built on all CPUs; the suite itself is one recipe. A make that shares its jobs already decides itself
[[ ${MAKEFLAGS:-} == *--jobserver* ]] || make+=" -j$(nproc)"
passed=0
failed=0
skipped=0
mkdir -p build/test

for suite in "$@"; do
	echo "=== $suite"
	started=$SECONDS
	status=0
	$make "$suite" 2>&1 | tee "build/test/$suite.log" || status=$?
	closing=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "build/test/$suite.log" | tail -n 1 || true)
	read -r p f s < <(awk '{ print $1 + 0, $3 + 0, $5 + 0 }' <<<"$closing")
	if ((!status && p == 0)); then
		echo "test.sh: $suite ran no test"
		status=1
	fi
	((status == 0 || f > 0)) || f=1
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
	echo "=== $suite: $((SECONDS - started)) s"
	((status == 0)) || break
done
echo "$passed passed, $failed failed$( ((skipped)) && echo ", $skipped skipped")"
((!failed))
