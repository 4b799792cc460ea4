#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A program without build info that nobody here made: esbuild as npm has it, stripped, Go 1.26. It bundles a few hundred files; no
# race is known of, so that none may be reported, and its operations must be seen.
# usage: esbuild.sh [FILES]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

files=${1:-100}

esbuild_sources() # DIR
{
	local i
	mkdir -p "$1"
	for ((i = 0; i < files; i++)); do
		echo "export function f$i(a: number) { return a + $i }" >"$1/m$i.ts"
		echo "import * as m$i from './m$i'; console.log(m$i.f$i(1));"
	done >"$1/main.ts"
}

esbuild_says() # JSON EXPRESSION
{
	jq -e "$2" "$1" >/dev/null
}

esbuild_watched() # ESBUILD
{
	local json=$real_build/esbuild.json log=$real_build/esbuild.log status=0
	rm -f "$json"
	timeout 120 "$maprace" watch -o "$json" -- "$1" "$real_tmp/src/main.ts" --bundle --outfile="$real_tmp/out.js" >"$log" 2>&1 || status=$?
	if ((status)) || [[ ! -s $json ]]; then
		real_fail "esbuild: status $status"
		real_show "$log"
		return 0
	fi
	real_check 'esbuild: Go 1.26' esbuild_says "$json" '.targets[0].go_version | startswith("go1.26")'
	real_check 'esbuild: operations of several goroutines' esbuild_says "$json" '.stats.operations > 1000 and any(.maps[]; .goroutines > 1)'
	real_check 'esbuild: no race' esbuild_says "$json" '.races == []'
	real_check 'esbuild: it did its work' grep -q 'console.log' "$real_tmp/out.js"
}

real_begin
if ! command -v npm >/dev/null; then
	real_skip 'esbuild: no npm to fetch it with'
elif ! root=$("$real_top/scripts/npm.sh" get @esbuild/linux-x64); then
	real_skip 'esbuild: it cannot be fetched'
else
	esbuild_sources "$real_tmp/src"
	if LC_ALL=C grep -aq 'Go buildinf:' "$root/package/bin/esbuild"; then
		real_fail 'esbuild: it has build info now: this test shows nothing'
	fi
	esbuild_watched "$root/package/bin/esbuild"
fi
echo "$real_passed passed, $real_failed failed, $real_skipped skipped"
((real_failed == 0))
