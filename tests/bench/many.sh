# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # run.sh sources this and shares its variables with it
# Many processes at once: how long it takes to attach to all of them and to let go, and how much memory maprace and the process
# that holds its probes have; with BENCH_OLD, another maprace, beside it in each round.

many_start() # COUNT BINARIES: sets many_pids
{
	local i dir=$bench_build/many
	many_pids=()
	mkdir -p "$dir"
	for ((i = 0; i < $2; i++)); do
		cp -f "$bench_build/many-1.24" "$dir/many$i"
	done
	for ((i = 0; i < $1; i++)); do
		"$dir/many$((i % $2))" 1s </dev/null >/dev/null 2>&1 &
		many_pids+=("$!")
		real_pids+=("$!")
	done
	sleep 3
}

many_end()
{
	{ # without the shell's own words about each
		kill -KILL "${many_pids[@]}"
		wait "${many_pids[@]}" || true
	} 2>/dev/null
	real_pids=()
}

# many_watch MAPRACE: all of them, until the last one has its probes; sets pid
many_watch()
{
	"$1" watch -q -o "$real_tmp/many.json" -p "$(
		IFS=,
		echo "${many_pids[*]}"
	)" </dev/null >/dev/null 2>"$real_tmp/err" &
	pid=$!
	real_pids+=("$pid")
	real_await 60 text_probed "${many_pids[-1]}"
}

# many_once MAPRACE: a line of attach ms, detach ms, kB, kB of the attachers' own pages
many_once()
{
	local pid before after kb attachers=0 attacher
	many_watch "$1"
	sleep 1
	kb=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")
	for attacher in $(pgrep -P "$pid" -x mr-attacher); do
		attachers=$((attachers + $(awk '/^Private_(Clean|Dirty)/ { sum += $2 } END { print sum + 0 }' "/proc/$attacher/smaps_rollup")))
	done
	before=${EPOCHREALTIME/./}
	kill -INT "$pid"
	wait "$pid" 2>/dev/null || true
	after=${EPOCHREALTIME/./}
	jq -r --argjson detach $(((after - before) / 1000)) --argjson kb "$kb" --argjson attachers "$attachers" \
		'[.stats.attach_ms, $detach, $kb, $attachers] | @tsv' "$real_tmp/many.json"
}

# CPU time of processes so far, children that were waited for left out, in ms
many_cpu() # PID...
{
	local pid sum=0 fields
	for pid in "$@"; do
		read -r -a fields <"/proc/$pid/stat" || continue
		sum=$((sum + fields[13] + fields[14]))
	done
	echo $((sum * 1000 / $(getconf CLK_TCK)))
}

# What watching idle services costs at the default budget, all in all, as seen from outside: what they use more than alone, maprace,
# and who holds the probes. The account's own figure beside it.
many_cost() # COUNT
{
	local pid attachers alone watched own begin
	many_start "$1" 1
	begin=$(many_cpu "${many_pids[@]}")
	sleep "$long"
	alone=$(($(many_cpu "${many_pids[@]}") - begin))
	many_watch "$maprace"
	sleep 10 # while each call site is met for the first time more of them are held
	mapfile -t attachers < <(pgrep -P "$pid" -x mr-attacher)
	begin=$(many_cpu "${many_pids[@]}")
	own=$(many_cpu "$pid" "${attachers[@]}")
	sleep "$long"
	watched=$(($(many_cpu "${many_pids[@]}") - begin))
	own=$(($(many_cpu "$pid" "${attachers[@]}") - own))
	kill -INT "$pid"
	wait "$pid" 2>/dev/null || true
	awk -v n="$1" -v alone="$alone" -v watched="$watched" -v own="$own" -v s="$long" \
		-v account="$(jq .stats.cost_percent "$real_tmp/many.json")" \
		'BEGIN { printf "cost of %d idle services, percent of one CPU: they %.2f (alone %.2f, watched %.2f), maprace %.2f, in all %.2f; the account says %.2f\n",
			n, (watched - alone) / s / 10, alone / s / 10, watched / s / 10, own / s / 10, (watched - alone + own) / s / 10, account }'
	many_end
}

many_case() # COUNT BINARIES
{
	local round which tool
	many_start "$1" "$2"
	for which in new ${BENCH_OLD:+old}; do
		: >"$real_tmp/many-$which"
	done
	for ((round = 0; round < rounds; round++)); do
		for which in new ${BENCH_OLD:+old}; do
			tool=$maprace
			[[ $which == new ]] || tool=$BENCH_OLD
			many_once "$tool" >>"$real_tmp/many-$which"
		done
	done
	for which in new ${BENCH_OLD:+old}; do
		printf '%-5s %9d %9d %12.0f %12.0f %12.0f %12.0f\n' "$which" "$1" "$2" \
			"$(cut -f1 "$real_tmp/many-$which" | bench_median)" "$(cut -f2 "$real_tmp/many-$which" | bench_median)" \
			"$(cut -f3 "$real_tmp/many-$which" | bench_median)" "$(cut -f4 "$real_tmp/many-$which" | bench_median)"
	done
	many_end
}

many_all_told() # COUNT
{
	(($(grep -c '^{"type": *"target"' "$real_tmp/told") >= $1))
}

# The same found by maprace itself: until the last one is watched, from its start on; memory of maprace and who holds the probes, what
# they share once; and what they take while all rest.
many_host() # COUNT BINARIES
{
	local pid begin ms own kb round
	many_start "$1" "$2"
	for ((round = 0; round < rounds; round++)); do
		: >"$real_tmp/told"
		begin=${EPOCHREALTIME/./}
		"$maprace" watch --all --match "$bench_build/many/*" --max-processes 1000 --json </dev/null >"$real_tmp/told" 2>"$real_tmp/err" &
		pid=$!
		real_pids+=("$pid")
		real_await 60 many_all_told "$1"
		ms=$(((${EPOCHREALTIME/./} - begin) / 1000))
		sleep 5
		# shellcheck disable=SC2046 # process ids
		own=$(many_cpu "$pid" $(pgrep -P "$pid" -x mr-attacher))
		sleep "$long"
		# shellcheck disable=SC2046
		own=$(($(many_cpu "$pid" $(pgrep -P "$pid" -x mr-attacher)) - own))
		kb=$(for one in "$pid" $(pgrep -P "$pid" -x mr-attacher); do cat "/proc/$one/smaps_rollup"; done | awk '/^Pss:/ { sum += $2 } END { print sum }')
		kill -INT "$pid"
		wait "$pid" 2>/dev/null || true
		echo "$ms $kb $(awk -v own="$own" -v s="$long" 'BEGIN { print own / s / 10 }')"
	done | sort -n | awk -v count="$1" -v binaries="$2" '{ line[NR] = $0 }
		END { $0 = line[int((NR + 1) / 2)]; printf "watch --all finds %d of %d binaries: %d ms, %d kB in both, %.1f percent of one CPU while they rest\n", count, binaries, $1, $2, $3 }'
	many_end
}

bench_many()
{
	local sizes
	echo "# many processes: $rounds rounds, medians; aims: 20 of 1 binary 250 ms, 250 ms, 40960 kB; 200 of 10 binaries 65536 kB"
	bench_go_build 1.24 ../e2e/programs/many
	printf '%-5s %9s %9s %12s %12s %12s %12s\n' '' processes binaries 'attach ms' 'detach ms' 'peak kB' 'attacher kB'
	for sizes in ${BENCH_MANY:-1,1 20,1 200,10}; do
		many_case "${sizes%,*}" "${sizes#*,}"
	done
	many_host 200 10
	many_cost 20
}
