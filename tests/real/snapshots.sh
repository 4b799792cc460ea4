#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Snapshots of live servers under load, run by hand for docs/snapshot.md: stripped etcd and prometheus of Debian 12, while a closed-loop
# client checks every answer. No client sees an error, the longest wait is told beside the longest freeze and what it is without
# snapshots, nothing is traced or stopped afterwards, also when maprace is killed in the middle.
# usage: snapshots.sh [SERVER [COUNT]]     (etcd and prometheus, 100)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/server.sh"
. "$(dirname "${BASH_SOURCE[0]}")/load.sh"

servers=(etcd prometheus)
[[ -z ${1:-} ]] || servers=("$1")
count=${2:-100}
load_limit=$((count * 6 + 120))

traced() # PID: or stopped
{
	grep -qs '^TracerPid:[[:blank:]]*[1-9]\|^State:[[:blank:]]*[tT]' "/proc/$1"/task/*/status
}

untraced()
{
	! traced "$1"
}

# without anything, for as long as the snapshots take
quiet_window()
{
	local i
	for ((i = 0; i < count; i++)); do sleep 0.2; done
	load_cut quiet
}

snapshot_window() # SERVER
{
	local i status refused=0 missed=0
	: >"$server_dir/freezes"
	for ((i = 0; i < count; i++)); do
		status=0
		"$maprace" snapshot -p "$server_pid" -q -o "$server_dir/snapshot.json" >"$server_dir/out" 2>"$server_dir/err" || status=$?
		if ((status)); then
			refused=$((refused + 1))
			real_show "$server_dir/err"
		else
			jq '.snapshots[0].freeze_ms' "$server_dir/snapshot.json" >>"$server_dir/freezes"
			jq -e '.snapshots[0] | .unread == 0 and .goroutines > 20' "$server_dir/snapshot.json" >/dev/null || missed=$((missed + 1))
		fi
		sleep 0.1
	done
	load_cut snapshots
	real_check "$1: $count snapshots, $refused of them without a result, $missed with goroutines that there was no time for" test "$refused" = 0
	real_check "$1: nothing is traced or stopped" untraced "$server_pid"
}

killed_window() # SERVER
{
	local i pid frozen=0 still=0
	for ((i = 0; i < count; i++)); do
		"$maprace" snapshot -p "$server_pid" -q -o "$server_dir/snapshot.json" >"$server_dir/out" 2>"$server_dir/err" &
		pid=$!
		real_pids+=("$pid")
		until traced "$server_pid" || real_gone "$pid"; do :; done
		! traced "$server_pid" || frozen=$((frozen + 1))
		real_stop "$pid" KILL
		real_await 1 untraced "$server_pid" || still=$((still + 1))
		sleep 0.05
	done
	load_cut killed
	real_check "$1: maprace killed $count times, $frozen of them while it stood still; still so a second later: $still" test "$still" = 0
}

longest() # WINDOW: the longest wait of a client
{
	load_value "$1" max_us | awk '{ printf "%.1f ms", $1 / 1000 }'
}

say() # SERVER
{
	local freeze
	freeze=$(sort -g "$server_dir/freezes" | awk '{ v[NR] = $1 } END { printf "%.1f ms, the longest %.1f", v[int((NR + 1) / 2)], v[NR] }')
	echo "$1: freezes $freeze ms; the longest wait of a client: without snapshots $(longest quiet), with them" \
		"$(longest snapshots), maprace killed $(longest killed);" \
		"answers $(load_value total requests), wrong $(load_value total wrong), broken connections $(load_value total errors)"
}

server_test() # SERVER
{
	echo "# $1"
	server_start "$1" || { real_fail "$1 starts" && return 0; }
	load_start
	sleep 2
	load_cut warmup
	quiet_window
	snapshot_window "$1"
	killed_window "$1"
	real_check "$1: is alive after all" real_alive "$server_pid"
	load_end
	real_check "$1: every answer was right" test "$real_status" = 0
	say "$1"
	real_show "$server_dir/load.err"
	server_end
}

real_begin
real_tools
for server in "${servers[@]}"; do server_test "$server"; done
real_close
