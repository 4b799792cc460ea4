#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `maprace snapshot --core` and `maprace watch --core`: the file is opened by the debuggers of Debian, gdb and Delve, which see what the process was like. In
# --all only: they are large packages. What every run checks of the file is in snapshot.sh.
#
# usage: tests/e2e/core.sh [VERSION]...      Go versions; without: all
#   DLV=FILE    another Delve than the one installed
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

core_versions=(1.19 1.21 1.22 1.23 1.24 1.25 1.26 1.27)
dlv=${DLV:-dlv}

# core_take OPTION...: of the target; the limit is for machines that are busy
core_take()
{
	local status=0
	mkdir -p "$work/made" # of what fails all files beside it are shown
	timeout -k 1 60 "$maprace" snapshot -p "$target" --max-freeze 5s -q -o "$work/out.json" --core "$work/made/core" "$@" >"$work/stdout" \
		2>"$work/stderr" || status=$?
	why="exit status $status"
	((status == 0))
}

# delve COMMAND...: a Delve refuses versions of Go that are newer or older than it knows, unless it is told not to
delve()
{
	printf '%s\n' "$@" exit >"$work/commands"
	timeout -k 1 120 "$dlv" core "$1" "$work/made/core" --check-go-version=false --allow-non-terminal-interactive=true \
		< <(tail -n +2 "$work/commands") 2>&1 | sed 's/\x1b\[[0-9;]*m//g; s/^(dlv) //' >"$work/delve"
}

mark()
{
	grep -n "// @$1\$" "$e2e_dir/programs/standing.go" | cut -d: -f1
}

core_seen_by_delve() # PROGRAM
{
	local deep
	deep=$(jq '[.snapshots[0].groups[] | select(any(.stack[]; .function == "main.deep"))][0].goroutines[0]' "$work/out.json")
	delve "$1" goroutines 'print main.piped' 'print main.never' bt "goroutine $deep bt" || true
	why='Delve sees other goroutines'
	grep -q "^\[$(jq '.snapshots[0].goroutines' "$work/out.json") goroutines\]" "$work/delve" || return 1
	# newer ones list those that wait for a channel with the channel once more
	(($(sed '/ goroutines\]$/q' "$work/delve" | grep -c "standing.go:$(mark receive) main.receiving") == 7)) || return 1
	grep -q "standing.go:$(mark send) main.sending" "$work/delve" || return 1
	why='Delve does not begin with the goroutine that runs'
	grep -q '^\* Goroutine .*(thread ' "$work/delve" || return 1
	grep -Eq '^[0-9] .* in main\.spinning$' "$work/delve" || return 1
	why='Delve does not walk a deep stack'
	(($(grep -c ' in main\.deep$' "$work/delve") == 41)) || return 1
	why='Delve does not read data'
	grep -q '\[2\]int \[[0-9]*,[1-9][0-9]*\]' "$work/delve" && grep -q '^chan int {' "$work/delve"
}

core_seen_by_gdb() # PROGRAM
{
	local threads
	threads=$(jq '.snapshots[0].threads' "$work/out.json")
	timeout -k 1 120 gdb -nx -batch -ex 'info threads' -ex 'thread apply all bt' -ex 'x/2i $pc' "$1" "$work/made/core" >"$work/gdb" 2>&1 || true
	why='gdb sees other threads, or no stacks of them'
	(($(grep -c '^Thread [0-9]* (LWP' "$work/gdb") == threads && $(grep -c '^#0 ' "$work/gdb") >= threads)) || return 1
	grep -Eq '^#[0-9]+ .*main\.spinning ' "$work/gdb" || return 1
	why='memory is missing'
	! grep -q 'Cannot access memory\|Unable to read\|corrupt string table' "$work/gdb"
}

core_opens()
{
	local program=$e2e_build/$1/standing
	start_target "$program" || return 1
	core_take || return 1
	why='not all is in it'
	jq -e '.snapshots[0].core | .taken == .of' "$work/out.json" >/dev/null || return 1
	core_seen_by_delve "$program" && core_seen_by_gdb "$program"
}

# An address in the largest mapping, the heap, that was not read: it is in no segment.
core_hole()
{
	local range start end size most=0 at=0 last=0
	while read -r range; do
		start=$((16#${range%-*})) end=$((16#${range#*-}))
		size=$((end - start))
		((size <= most)) || most=$size at=$start last=$end
	done < <(awk '$2 == "rw-p" { print $1 }' "/proc/$target/maps")
	while read -r start size; do
		((start > at || start + size <= at)) || at=$((start + size))
	done < <(readelf -lW "$work/made/core" | awk '$1 == "LOAD" { print $3, $6 }')
	((at >= last)) || printf '0x%x\n' "$at"
}

# Of one that there is no time for what there was is of use.
core_in_part()
{
	local program=$e2e_build/$1/standing i hole
	start_target "$program" 100000 || return 1
	for ((i = 0; i < 50; i++)); do # where the machine is busy there may be nothing at all
		! core_take --max-freeze 20ms || ! jq -e '.snapshots[0].core | .taken < .of' "$work/out.json" >/dev/null || break
	done
	why='it is never in part'
	((i < 50)) || return 1
	delve "$program" bt || true
	why='Delve does not open it'
	grep -Eq '^0 +0x[0-9a-f]+ in ' "$work/delve" || return 1
	why='gdb shows what is not there'
	hole=$(core_hole)
	[[ -n $hole ]] || return 1
	gdb -nx -batch -ex "x/gx $hole" "$program" "$work/made/core" >"$work/gdb" 2>&1 || true
	grep -q "Cannot access memory at address $hole$" "$work/gdb"
}

# Of one that dies of Go's own check: both debuggers begin where it died.
core_of_dying()
{
	local program=$e2e_build/$1/dying line
	mkdir "$work/made"
	timeout -k 1 60 "$maprace" watch -q -d 30 --max-freeze 5s --core "$work/made/core" -o "$work/out.json" -- "$program" 500 300 large \
		>"$work/stdout" 2>"$work/stderr" || true
	why='not all is in it'
	jq -e '.deaths[0].snapshot.core | .taken == .of' "$work/out.json" >/dev/null || return 1
	delve "$program" goroutines bt || true
	why='Delve does not begin with the goroutine that died'
	grep -q "^\* Goroutine $(jq '.deaths[0].conflict[0].goroutine' "$work/out.json") " "$work/delve" || return 1
	why='Delve sees another stack'
	line=$(jq -r '.deaths[0].conflict[0].stack[] | select(.function | test("^main\\.(first|second)Large$")) | "\(.function) \(.line)"' "$work/out.json")
	grep -A 1 -E "^[0-9] .* in ${line% *}$" "$work/delve" | grep -q "dying.go:${line#* }$" || return 1
	why='Delve sees other goroutines'
	grep -q "^\[$(jq '.deaths[0].snapshot.goroutines' "$work/out.json") goroutines\]" "$work/delve" || return 1
	why='gdb does not begin with it'
	timeout -k 1 120 gdb -nx -batch -ex bt "$program" "$work/made/core" >"$work/gdb" 2>&1 || true
	grep -Eq "^#0 .* runtime\.fatal " "$work/gdb" && grep -Eq "^#[0-9]+ .* ${line% *} .*dying.go:${line#* }" "$work/gdb"
}

core_all()
{
	local version why one
	"$e2e_top/scripts/deps.sh" core
	(($#)) || set -- "${core_versions[@]}"
	for version; do
		build_program "$version" "$e2e_dir/programs/standing.go"
		build_program "$version" "$e2e_dir/programs/dying.go"
		for one in opens in_part of_dying; do
			fresh_work "core_${one}_$version"
			why=
			if "core_$one" "$version"; then
				pass "core: $one, Go $version"
			else
				fail "core: $one, Go $version" "$why"
			fi
			cleanup
			target=
		done
	done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	core_all "$@"
	finish
fi
