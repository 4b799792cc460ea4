#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Goroutines of Debian's etcd and prometheus (Go 1.19, stripped) under load from its beginning to its end, and while clients come: no place
# is named that makes goroutines which do not end. What they say of their goroutines, heap and collections is printed beside what is seen.
# usage: goroutines.sh [SERVER...]     (etcd prometheus)
# Environment: REAL_SECONDS (120) of load for each, REAL_CONNS (16) connections.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/server.sh"
. "$(dirname "${BASH_SOURCE[0]}")/load.sh"

seconds=${REAL_SECONDS:-120}
load_limit=$((seconds + 120))

watch_settled()
{
	grep -qs '^maprace: watching' "$server_dir/watch.err" || real_gone "$watch_pid"
}

# Idle clients, one after the other: as long as this script holds them.
clients_come() # N
{
	local i fd
	for ((i = 0; i < $1; i++)); do
		exec {fd}<>"/dev/tcp/127.0.0.1/$server_port" || return 0
		clients+=("$fd")
		printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' >&"$fd"
		sleep 0.03
	done
}

clients_go()
{
	local fd
	for fd in "${clients[@]}"; do
		exec {fd}>&-
	done
	clients=()
}

# figure NAME: what the server says of itself, of Go's own metrics
figure()
{
	curl -gsSf --max-time 2 "$server_base/metrics" | awk -v name="$1" '$1 == name { printf "%.0f\n", $2 }'
}

# Between two looks at what it says there is one of ours.
compare()
{
	local before after seen
	before=$(figure go_goroutines)
	sleep 2
	rm -f "$server_dir/watch.json"
	kill -USR1 "$watch_pid"
	real_await 10 test -s "$server_dir/watch.json" || return 1
	after=$(figure go_goroutines)
	seen=$(jq -c '.goroutines[0] | [.goroutines, .gc.cycles, .heap.goal]' "$server_dir/watch.json")
	echo "        it says $before and $after goroutines, $(figure go_gc_duration_seconds_count) collections, a goal of $(figure go_memstats_next_gc_bytes); seen: $seen"
}

seen() # FILTER
{
	jq -e "$1" "$server_dir/watch.json" >/dev/null
}

server_test() # SERVER
{
	local clients=()
	echo "# $1, $seconds s"
	if ! server_start "$1"; then
		real_fail "$1 starts"
		return 0
	fi
	"$maprace" watch --goroutines -p "$server_pid" -o "$server_dir/watch.json" </dev/null \
		>"$server_dir/watch.out" 2>"$server_dir/watch.err" &
	watch_pid=$!
	real_pids+=("$watch_pid")
	if ! real_await 60 watch_settled || real_gone "$watch_pid"; then
		real_fail "$1: cannot be watched"
		real_show "$server_dir/watch.err"
		return 0
	fi
	load_start
	sleep $((seconds / 2))
	clients_come 300
	sleep $((seconds / 2))
	real_check "$1: figures are there under load" compare
	clients_go
	load_end
	real_check "$1: every answer was right" test "$real_status" = 0
	sleep 3
	real_check "$1: figures are there without" compare
	real_stop "$watch_pid" INT
	real_check "$1: nothing is named" seen '(.goroutines | length) == 1 and all(.goroutines[0].makers[]; .named_s == null)'
	real_check "$1: all is known of it" seen '.goroutines[0] | .ps and .ms and .gc and .heap'
	echo "        $(jq '.goroutines[0].looks' "$server_dir/watch.json") looks"
	awk '/^GOROUTINES/ { on = 1 } on { print "        " $0 }' "$server_dir/watch.out"
	server_end
	real_check "$1: is unharmed" test -z "$(server_complaints)"
}

real_begin
real_tools
(($#)) || set -- etcd prometheus
for server; do
	server_test "$server"
done
real_close
