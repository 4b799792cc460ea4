#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Campaigns for docs/snapshot.md, run by hand: many snapshots of maps under full load, maps after random operations, snapshots of a
# service under load, and maprace killed in the middle of many.
#
# usage: tests/e2e/snapshots.sh maps|operated|service|killed [COUNT]
set -euo pipefail
# shellcheck source=tests/e2e/snapshot.sh
. "$(dirname "${BASH_SOURCE[0]}")/snapshot.sh"

# COUNT snapshots of maps that are used as fast as it goes: no verdict may be broken.
many_maps()
{
	local version i count=${1:-10000} done=0
	declare -A seen=()
	for version in 1.19 1.23 1.24 1.27; do
		start_target "$e2e_build/$version-stripped/shapes" small load
		told_maps
		for ((i = 0; i < count / (${#maps[@]} / 2) / 4 + 1; i++)); do
			snapshot "${maps[@]}"
			((status == 0)) || { cat "$work/stderr" && jq -c '.snapshots[0].maps[] | select(.integrity.verdict == "broken")' "$work/out.json" && exit 1; }
			while read -r verdict n; do
				seen[$verdict]=$((${seen[$verdict]:-0} + n))
				done=$((done + n))
			done < <(jq -r '.snapshots[0].maps[].integrity.verdict' "$work/out.json" | sort | uniq -c | awk '{ print $2, $1 }')
		done
		stop_target
	done
	echo "$done snapshots of maps:$(for verdict in "${!seen[@]}"; do printf ' %s %d' "$verdict" "${seen[$verdict]}"; done)"
}

# Maps after random operations, of so many programs of each version: all intact, but for those with a NaN, and as large as they say.
many_operated()
{
	local version seed count=${1:-2} done=0 aes names=(on off) freeze=(--max-freeze 60s)
	for version in 1.21 1.22 1.23 1.24 1.25 1.26 1.27; do
		build_program "$version-stripped" "$e2e_dir/programs/operated.go"
		for ((seed = 1; seed <= count; seed++)); do
			aes=${names[seed % 2]}
			GODEBUG=cpu.aes=$aes start_target "$e2e_build/$version-stripped/operated" "$seed" ||
				wait_until 60 grep -qs '^ready' "$work/target"
			told_maps
			snapshot "${maps[@]}"
			echo "$version, seed $seed, AES $aes: exit status $status, $(verdicts)"
			((status == 0)) && diff <(awk '/^map / { print $3 }' "$work/target") <(jq -r '.snapshots[0].maps[].entries' "$work/out.json")
			jq -r '.snapshots[0].maps[].integrity | select(.verdict != "intact") | .reason' "$work/out.json" >"$work/reasons"
			! grep -v 'a NaN, or too large' "$work/reasons" || exit 1
			done=$((done + ${#maps[@]} / 2))
			stop_target
		done
	done
	echo "$done maps"
}

# COUNT snapshots of a service that twenty clients ask: errors that they see, and the longest time that one waited.
many_of_service()
{
	local i count=${1:-100} addr asker quiet longest frozen=0 ms
	build_program 1.24-stripped "$e2e_dir/programs/echo.go"
	start_target "$e2e_build/1.24-stripped/echo" serve
	addr=$(sed -n 's/^ready //p' "$work/target")
	read -r _ map _ < <(grep '^map ' "$work/target")
	for quiet in yes no; do
		"$e2e_build/1.24-stripped/echo" ask "$addr" 20 >"$work/asker" &
		asker=$!
		for ((i = 0; i < count; i++)); do
			if [[ $quiet == yes ]]; then
				sleep 0.1
			else
				snapshot --map "$map=map[string]int"
				((status == 0)) || { cat "$work/stderr" && exit 1; }
				ms=$(jq '.snapshots[0].freeze_ms' "$work/out.json")
				frozen=$(awk "BEGIN { print ($ms > $frozen ? $ms : $frozen) }")
				sleep 0.1
			fi
		done
		kill -TERM "$asker"
		wait "$asker"
		longest=$(awk '/^longest/ { print $2 / 1e6 }' "$work/asker")
		echo "snapshots: $([[ $quiet == yes ]] && echo none || echo "$count, the longest freeze $frozen ms"); the longest wait of a client $longest ms," \
			"$(sed -n 's/^ok //p' "$work/asker"), $(grep '^errors' "$work/asker")"
	done
	untraced "$target"
}

many_killed()
{
	local i count=${1:-100} pid frozen=0 left=0
	start_target "$e2e_build/1.24-stripped/standing" 10000
	for ((i = 0; i < count; i++)); do
		"$maprace" snapshot -p "$target" "${freeze[@]}" -q -o "$work/out.json" >"$work/stdout" 2>"$work/stderr" &
		pid=$!
		until traced "$target" || gone "$pid"; do :; done
		! traced "$target" || frozen=$((frozen + 1))
		sleep "0.0$((RANDOM % 30))"
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
		wait_until 1 untraced "$target" || left=$((left + 1))
	done
	echo "$count killed, $frozen of them while the process stood still; still traced or stopped a second later: $left"
	((left == 0))
}

snapshot_programs
fresh_work "snapshots"
guard '' # takes as long as it is told to
case ${1:-} in
maps) many_maps "${2:-}" ;;
operated) many_operated "${2:-}" ;;
service) many_of_service "${2:-}" ;;
killed) many_killed "${2:-}" ;;
*) e2e_die "usage: tests/e2e/snapshots.sh maps|operated|service|killed [COUNT]" ;;
esac
