#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Live servers under load: stripped etcd, prometheus and caddy of Debian 12 (Go 1.19, cgo) on 127.0.0.1. While a closed-loop
# client checks every answer, maprace attaches, watches and goes, several times, and once it is killed. It must attach in
# under 300 ms, report no race, leave results intact and leave no probe behind; the cost is printed as a table.
# usage: servers.sh [SERVER...]     (etcd prometheus caddy)
# Environment: REAL_SECONDS (10) length of a measured window, REAL_ROUNDS (3) windows of each kind, REAL_WATCH more options
# for maprace, REAL_CONNS (16) connections, REAL_MIN_RATIO (0.2) the least watched throughput in parts of the unwatched: a floor
# against disaster, what watching costs is for the benchmarks to say.
# The load ends by itself after some minutes, whatever happens to this script.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/server.sh"
. "$(dirname "${BASH_SOURCE[0]}")/load.sh"

seconds=${REAL_SECONDS:-10}
rounds=${REAL_ROUNDS:-3}
min_ratio=${REAL_MIN_RATIO:-0.2}
max_attach_ms=300
load_limit=$(((seconds * 2 + 20) * (rounds + 1) + 60))
read -ra watch_options <<<"${REAL_WATCH:-}"

# --- one watch ----------------------------------------------------------------------------------------------------------

watch_start() # NAME DURATION
{
	watch_name=$1
	watch_json=$server_dir/$1.json
	"$maprace" watch -p "$server_pid" -d "$2" -o "$watch_json" "${watch_options[@]}" \
		</dev/null >"$server_dir/$1.out" 2>"$server_dir/$1.err" &
	watch_pid=$!
	real_pids+=("$watch_pid")
	real_await 10 watch_settled && text_probed "$server_pid"
}

watch_settled()
{
	text_probed "$server_pid" || real_gone "$watch_pid"
}

watch_show()
{
	real_show "$server_dir/$watch_name.out"
	real_show "$server_dir/$watch_name.err"
}

# the tool's own memory, while it lives
watch_peak_kb()
{
	awk '/^VmHWM/ { print $2 }' "/proc/$watch_pid/status" 2>/dev/null || echo 0
}

watch_wait() # its status in real_status
{
	real_await $((seconds + 15)) real_gone "$watch_pid" || true
	real_stop "$watch_pid" TERM
}

# a window unwatched, then one watched from its begin to its end
round_run() # SERVER I
{
	local name="$1, watch $2 of $rounds" attach races
	sleep "$seconds"
	load_cut "plain-$2"
	if ! watch_start "watch-$2" $((seconds + 4)); then
		watch_wait
		real_fail "$name: cannot attach, status $real_status"
		watch_show
		return 1
	fi
	load_cut "attach-$2" # what attaching does to the latency is in this one
	sleep "$seconds"
	load_cut "watched-$2"
	watch_peak_kb >"$server_dir/watch-$2.peak"
	watch_wait
	load_cut "detach-$2"
	real_check "$name: no probe is left in the text" text_intact "$server_pid"
	if [[ ! -s $watch_json ]]; then
		real_fail "$name: status $real_status and no document"
		watch_show
		return 1
	fi
	races=$(jq '.races | length' "$watch_json")
	if ((races || real_status)); then
		real_fail "$name: $races races reported, status $real_status; for study:"
		watch_show
	else
		real_pass "$name: no race reported in $(jq .stats.operations "$watch_json") operations"
	fi
	attach=$(jq .stats.attach_ms "$watch_json")
	real_check "$name: attaches $(jq .stats.probe_sites "$watch_json") sites in $attach ms, under $max_attach_ms" \
		real_true "$attach > 0 and $attach < $max_attach_ms"
}

# maprace is killed: the kernel has to clean up after it
kill_run() # SERVER
{
	if ! watch_start killed 60; then
		real_fail "$1: cannot attach to be killed"
		watch_show
		return 0
	fi
	real_check "$1, before the kill: there are probes to be left behind" text_probed "$server_pid"
	real_stop "$watch_pid" KILL
	real_check "$1: SIGKILL of maprace leaves no probe in the text" real_await 5 text_intact "$server_pid"
	load_cut killed
}

server_test() # SERVER
{
	local i total
	echo "# $1"
	if ! server_start "$1"; then
		real_fail "$1 starts"
		return 0
	fi
	real_check "$1: its text is its file's before" text_intact "$server_pid"
	load_start
	sleep 2
	load_cut warmup
	for ((i = 1; i <= rounds; i++)); do
		round_run "$1" "$i" || break
	done
	kill_run "$1"
	real_check "$1: is alive after all" real_alive "$server_pid"
	load_end
	total=$(jq -r 'select(.name == "total") | "\(.requests) answers, \(.wrong) wrong, \(.errors) broken connections"' \
		"$server_dir/load.out")
	real_check "$1: every answer was right (${total:-the load ended early})" test "$real_status" = 0
	real_show "$server_dir/load.err"
	server_end
	real_check "$1: ends when told to, with status $real_status, and without complaint" server_ended_well
	table_row "$1"
	cp "$server_dir/load.out" "$real_build/$1-load.jsonl"
	for i in "$server_dir"/watch-*.json; do
		[[ ! -e $i ]] || cp "$i" "$real_build/$1-$(basename "$i")"
	done
}

# Go programs that do not handle SIGTERM die of it (143); 2 is a crash
server_ended_well()
{
	[[ $real_status == 0 || $real_status == 143 ]] && ! server_complaints
}

# --- the table ----------------------------------------------------------------------------------------------------------

# one line of JSON for a server: medians over the rounds, ratios round by round
table_row()
{
	local name=$1 docs=("$server_dir"/watch-*.json) peaks=("$server_dir"/watch-*.peak)
	[[ -e ${docs[0]} && -e ${peaks[0]} ]] || return 0
	jq -cn --arg name "$name" --slurpfile load "$server_dir/load.out" --slurpfile docs <(cat "${docs[@]}") \
		--slurpfile peaks <(cat "${peaks[@]}") '
		def median: map(select(. != null)) | sort | if length == 0 then null elif length % 2 == 1 then .[length / 2 | floor]
			else (.[length / 2 - 1] + .[length / 2]) / 2 end;
		def windows($kind): [$load[] | select(.name | startswith($kind + "-"))];
		def ratio($field): [windows("plain"), windows("watched")] | transpose
			| map(select(.[0] and .[1]) | .[1][$field] / .[0][$field]) | median;
		{server: $name, rounds: (windows("watched") | length),
		 plain: {per_s: (windows("plain") | map(.per_s) | median), p50_us: (windows("plain") | map(.p50_us) | median),
			 p99_us: (windows("plain") | map(.p99_us) | median)},
		 watched: {per_s: (windows("watched") | map(.per_s) | median),
			   p50_us: (windows("watched") | map(.p50_us) | median),
			   p99_us: (windows("watched") | map(.p99_us) | median)},
		 ratio: {per_s: ratio("per_s"), p50_us: ratio("p50_us"), p99_us: ratio("p99_us")},
		 attach_max_us: (windows("attach") | map(.max_us) | max),
		 attach_ms: ($docs | map(.stats.attach_ms) | median), peak_kb: ($peaks | max),
		 operations_per_s: ($docs | map(.stats.operations / .duration_s) | median | floor),
		 holds: ($docs | map(.stats.holds) | median), cost_percent: ($docs | map(.stats.cost_percent) | median),
		 races: ($docs | map(.races | length) | add)}' >>"$real_build/servers.jsonl"
	real_check "$name: watched, at least $min_ratio of the unwatched throughput" \
		real_true "$(tail -n 1 "$real_build/servers.jsonl" | jq ".ratio.per_s // 0") >= $min_ratio"
}

table_print()
{
	[[ -s $real_build/servers.jsonl ]] || return 0
	jq -r '[.server, .plain.per_s, .watched.per_s, .ratio.per_s, .plain.p50_us, .watched.p50_us, .plain.p99_us,
		.watched.p99_us, .ratio.p99_us, .attach_ms, .peak_kb, .operations_per_s, .holds, .cost_percent, .races]
		| @tsv' "$real_build/servers.jsonl" | awk -F'\t' '
		BEGIN { printf "%-12s %8s %8s %6s %8s %8s %8s %8s %6s %9s %8s %9s %7s %6s %5s\n", "", "req/s", "watched", "ratio",
			"p50 us", "watched", "p99 us", "watched", "ratio", "attach ms", "peak KB", "map op/s", "holds", "cost %", "races" }
		{ printf "%-12s %8.0f %8.0f %6.3f %8.0f %8.0f %8.0f %8.0f %6.2f %9.1f %8d %9d %7d %6s %5d\n", $1, $2, $3, $4, $5, $6,
			$7, $8, $9, $10, $11, $12, $13, $14 == "" ? "?" : sprintf("%.1f", $14), $15 }' | tee "$real_build/servers.txt"
}

(($#)) || set -- etcd prometheus caddy
real_begin
real_tools
: >"$real_build/servers.jsonl"
for server in "$@"; do
	case $server in
	etcd | prometheus | caddy) server_test "$server" ;;
	*)
		echo "servers.sh: no server $server (etcd, prometheus, caddy)" >&2
		exit 2
		;;
	esac
done
table_print
real_close
