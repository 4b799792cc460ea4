# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # run.sh sources this and shares its variables with it
# What all signals together (--panics --goroutines --memory) cost beside the watch of maps alone: requests/s of a server under a
# closed-loop load, a window of each in every round, which of them comes first changing from round to round. Between the two the
# watch is another process, and each has its first seconds to itself. BENCH_SERVERS (etcd prometheus) which servers.

. "$bench_dir/../real/server.sh"
. "$bench_dir/../real/load.sh"

read -ra signals_servers <<<"${BENCH_SERVERS:-etcd prometheus}"
signals_settle=${BENCH_SETTLE:-3}

# signals_window KIND ROUND: a watch of its own, from before the window to behind it
signals_window()
{
	local options=() watch
	# of a limit that is far away, as otherwise there is nothing to be looked at
	[[ $1 != all ]] || options=(--panics --goroutines --memory --memory-limit 64G)
	"$maprace" watch -q -p "$server_pid" -o "$server_dir/watch-$1-$2.json" "${options[@]}" \
		</dev/null >"$server_dir/watch.out" 2>"$server_dir/watch.err" &
	watch=$!
	real_pids+=("$watch")
	if ! real_await 60 text_probed "$server_pid"; then
		echo "$1 does not attach:" >&2
		real_show "$server_dir/watch.err" >&2
		return 1
	fi
	sleep "$signals_settle"
	load_cut "settle-$1-$2"
	sleep "$long"
	load_cut "$1-$2"
	real_stop "$watch" INT
	real_await 20 text_intact "$server_pid"
}

# signals_row SERVER: a line of JSON. The ratio's interval: Student's, of the logarithms
signals_row()
{
	jq -cn --arg server "$1" --slurpfile load "$server_dir/load.out" --slurpfile map <(cat "$server_dir"/watch-map-*.json) \
		--slurpfile all <(cat "$server_dir"/watch-all-*.json) '
		def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
		def mean: add / length;
		def windows($kind): [$load[] | select(.name | test("^" + $kind + "-[0-9]+$"))] | sort_by(.name) | map(.per_s);
		def student: [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09][.] // 2.09;
		windows("map") as $a | windows("all") as $b | [$a, $b] | transpose | map(.[1] / .[0] | log) as $r
		| ($r | mean) as $m | ($r | length) as $n
		| (if $n > 1 then ($r | map(. - $m | . * .) | add / ($n - 1) | sqrt) / ($n | sqrt) * ($n - 2 | student) else null end) as $half
		| {server: $server, rounds: $n, map_per_s: ($a | median), all_per_s: ($b | median), ratio: ($m | exp),
		   low: (if $half then $m - $half | exp else null end), high: (if $half then $m + $half | exp else null end),
		   map_cost_percent: ($map | map(.stats.cost_percent) | median), all_cost_percent: ($all | map(.stats.cost_percent) | median),
		   looks: ($all | map(.goroutines[0].looks) | add), wrong: ([$load[] | select(.name == "total") | .wrong + .errors] | add)}'
}

bench_signals()
{
	local server i kinds kind status=0 load_limit=$((rounds * 2 * (long + signals_settle + 10) + 60))
	: >"$bench_build/signals.json"
	echo "# signals: watch of maps alone, and with all of --panics --goroutines --memory; windows of $long s, $rounds rounds"
	for server in "${signals_servers[@]}"; do
		server_start "$server" || return 1
		load_start
		sleep "$signals_settle"
		for ((i = 1; i <= rounds; i++)); do
			kinds=(map all)
			((i % 2)) || kinds=(all map)
			for kind in "${kinds[@]}"; do
				signals_window "$kind" "$i" || status=1
			done
		done
		load_end
		signals_row "$server" >>"$bench_build/signals.json" || status=1
		server_end
	done
	jq -r '[.server, .map_per_s, .all_per_s, .ratio, .low, .high, .map_cost_percent, .all_cost_percent, .looks, .wrong] | @tsv' "$bench_build/signals.json" |
		awk -F'\t' 'BEGIN { printf "%-12s %9s %9s %7s %15s %8s %8s %6s %6s\n", "", "map req/s", "all", "ratio", "95 % interval", "map cost", "all cost",
			"looks", "wrong" }
		{ printf "%-12s %9.0f %9.0f %7.3f %6.3f to %6.3f %7.2f%% %7.2f%% %6d %6d\n", $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 }'
	return "$status"
}
