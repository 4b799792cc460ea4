#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# tests/e2e/bpf/audit_cases.bpf.c by several versions of clang, for each instruction set of BPF, at each level of optimization: each
# racy program is found on its line, and no safe one. By hand: fetches compilers of 200 MB and more, and takes a minute.
#
# usage: tests/e2e/audit-compilers.sh [VERSION...]    14 (the machine's own), 19 and 22 without it
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
source=$top/tests/e2e/bpf/audit_cases.bpf.c
maprace=${MAPRACE:-$top/build/maprace}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
missed=0 false=0 objects=0

# clang_of VERSION: sets clang, the command, and libraries, what it needs
clang_of()
{
	local suite=bookworm root
	clang=clang libraries=
	(($1 != 14)) || return 0
	(($1 <= 19)) || suite=bookworm-security
	root=$("$top/scripts/debs.sh" get "$suite" "clang-$1" "libclang-cpp$1" "libllvm$1" "libclang-common-$1-dev")
	clang=$root/usr/lib/llvm-$1/bin/clang
	libraries=$root/usr/lib/llvm-$1/lib:$root/usr/lib/x86_64-linux-gnu
}

# "PROGRAM LINE" of what is to be found: the mark @what of racy_KIND_what, the first one of that kind
expected()
{
	awk '
		/^RACY\(/ { name = $0; sub(/^RACY\(/, "", name); sub(/\).*/, "", name); what = name; sub(/^[a-z]*_/, "", what); want[name] = what }
		/\/\* @/ { for (i = 1; i <= NF; i++) if ($i ~ /^@/) lines[substr($i, 2)] = lines[substr($i, 2)] " " NR }
		END { for (name in want) print "racy_" name lines[want[name]] }
	' "$source"
}

# one OBJECT HOW: adds up what is missed and what is false
one()
{
	local name places line found
	"$maprace" bpf audit --object "$1" -o "$work/out.json" >/dev/null 2>"$work/err" || {
		cat "$work/err"
		exit 1
	}
	# the same line in two programs is one finding, which counts the other one
	jq -r '.suspects[] | "\(.bpf.actors[0].prog_name) \(.accesses[0].stack[0].line)"' "$work/out.json" >"$work/found"
	while read -r name places; do
		found=
		for line in $places; do
			! grep -qE " $line\$" "$work/found" || found=1
		done
		[[ $found ]] || { echo "missed: $name ($2)" && missed=$((missed + 1)); }
		objects=$((objects + 1))
	done < <(expected)
	while read -r name; do
		echo "false: $name ($2)" && false=$((false + 1))
	done < <(grep -o '^safe_[a-z_]*' "$work/found" || true)
}

for version in "${@:-14 19 22}"; do
	for v in $version; do
		clang_of "$v"
		for cpu in v1 v2 v3 v4; do
			[[ $v/$cpu != 14/v4 ]] || continue # knows no such set
			for level in 1 2 3 s; do
				LD_LIBRARY_PATH=$libraries "$clang" -target bpf "-mcpu=$cpu" "-O$level" -g -std=gnu17 -Wno-unused-function \
					-isystem "$top/build/libbpf/include" -idirafter "/usr/include/$(uname -m)-linux-gnu" \
					-c "$source" -o "$work/cases.o"
				one "$work/cases.o" "clang $v, $cpu, -O$level"
			done
		done
		echo "clang $v: $objects racy programs so far, $missed missed, $false false"
	done
done
((missed + false == 0))
