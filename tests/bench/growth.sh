# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # run.sh sources this and shares its variables with it
# What grows with the number of live maps and goroutines: cost of an operation, the tool's memory, what it counts as lost. All
# accesses are locked: a proof would be a false one, and fails the benchmark.

IFS=, read -ra growth_sizes <<<"${BENCH_SIZES:-1 8,10000 8,100000 8,100000 10000}"

# growth_once BINARY MAPS GOROUTINES VARIANT: appends to $real_tmp/growth.jsonl
growth_once()
{
	rm -f "$real_tmp/in" "$real_tmp/out" "$real_tmp/growth.json"
	mkfifo "$real_tmp/in"
	: >"$real_tmp/out"
	"$1" "$2" "$3" <"$real_tmp/in" >"$real_tmp/out" 2>"$real_tmp/err" &
	hot_pid=$!
	real_pids+=("$hot_pid")
	exec {hot_in}>"$real_tmp/in"
	hot_cut start
	local peak=0 watcher=''
	case $4 in
	unwatched) ;;
	empty) "$bench_build/empty" "$bench_build/empty.bpf.o" "$hot_pid" <"$real_tmp/held" >"$real_tmp/watcher.out" 2>&1 & watcher=$! ;;
	maprace) "$maprace" watch -q --budget 100 -o "$real_tmp/growth.json" -p "$hot_pid" >"$real_tmp/watcher.out" 2>&1 & watcher=$! ;;
	esac
	if [[ -n $watcher ]]; then
		real_pids+=("$watcher")
		real_await 20 text_probed "$hot_pid" || real_show "$real_tmp/watcher.out" >&2
	fi
	hot_cut attached
	# the two others are there to be compared with: a moment will do
	if [[ $4 == maprace ]]; then sleep "${BENCH_GROWTH:-$seconds}"; else sleep "$seconds"; fi
	hot_cut measured
	if [[ -n $watcher ]]; then
		peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$watcher/status")
		real_stop "$watcher" INT
	fi
	exec {hot_in}>&-
	real_stop "$hot_pid" TERM
	awk -v maps="$2" -v goroutines="$3" -v variant="$4" -v peak="$peak" '$1 == "measured" {
		printf "{\"maps\": %d, \"goroutines\": %d, \"variant\": \"%s\", \"operations\": %d, \"rate\": %.0f, \"peak_kb\": %d", maps,
			goroutines, variant, $2, $2 / $3, peak }' "$real_tmp/out"
	if [[ $4 == maprace ]]; then
		jq -j '", \"races\": \(.races | length), \"holds\": \(.stats.holds), \"replaced\": \(.stats.map_records_replaced),
			\"lost\": \(.stats | .events_lost + .pairs_lost + .bad_events + .missed_runs)"' \
			"$real_tmp/growth.json"
	fi
	echo '}'
}

bench_growth()
{
	local version=${versions[-1]} size round variant status=0
	echo "# growth: Go $version, $rounds rounds of $seconds s, medians; --budget 100"
	: >"$bench_build/growth.jsonl"
	rm -f "$real_tmp/held"
	mkfifo "$real_tmp/held"
	exec {hot_held}<>"$real_tmp/held"
	bench_go_build "$version" growth
	printf '%8s %10s %12s %11s %12s %10s %12s %8s %10s %5s %7s\n' maps goroutines unwatched/s empty/s maprace/emp 'peak KB' operations holds \
		replaced lost races
	for size in "${growth_sizes[@]}"; do
		for ((round = 0; round < rounds; round++)); do
			for variant in unwatched empty maprace; do
				# shellcheck disable=SC2086 # two words
				growth_once "$bench_build/growth-$version" $size "$variant" >>"$bench_build/growth.jsonl"
			done
		done
		jq -rs --arg size "$size" 'def median: sort | .[length / 2 | floor];
			map(select("\(.maps) \(.goroutines)" == $size)) as $all | def of($v): $all | map(select(.variant == $v));
			[of("unwatched" , "empty" | .) | map(.rate) | median] as $r | (of("maprace") | map(.rate) | median) as $m
			| [$all[0].maps, $all[0].goroutines, $r[0], $r[1], $m / $r[1], (of("maprace") | map(.peak_kb) | max),
				(of("maprace") | map(.operations) | add), (of("maprace") | map(.holds) | median),
				(of("maprace") | map(.replaced) | median), (of("maprace") | map(.lost) | add),
				(of("maprace") | map(.races) | add)] | @tsv' "$bench_build/growth.jsonl" |
			awk -F'\t' '{ printf "%8d %10d %12d %11d %12.3f %10d %12d %8d %10d %5d %7d\n", $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 }'
	done
	exec {hot_held}<&-
	jq -s . "$bench_build/growth.jsonl" >"$bench_build/growth.json"
	jq -e 'all(.[]; (.races // 0) == 0)' "$bench_build/growth.json" >/dev/null || status=1
	((status == 0)) || echo 'run.sh: a race was reported where there is none' >&2
	return "$status"
}
