# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # run.sh sources this and shares its variables with it
# Operations/s of tests/bench/hot.go by what watches it. Each measurement is a process of its own.

read -ra hot_variants <<<"${BENCH_VARIANTS:-unwatched empty no-holds maprace bpftrace race}"

# the function that a loop spends its operations in, for bpftrace
hot_function() # VERSION OP
{
	case $2 in
	read) echo runtime.mapaccess1_faststr ;;
	write) echo runtime.mapassign_faststr ;;
	*) case $1 in
		1.19 | 1.2[0-3]) echo runtime.mapiternext ;;
		*) echo 'internal/runtime/maps.(*Iter).Next' ;;
		esac ;;
	esac
}

hot_start() # BINARY OP MODE: sets hot_pid, hot_in
{
	rm -f "$real_tmp/in" "$real_tmp/out"
	mkfifo "$real_tmp/in"
	: >"$real_tmp/out"
	"$1" "$2" "$3" <"$real_tmp/in" >"$real_tmp/out" 2>"$real_tmp/err" &
	hot_pid=$!
	real_pids+=("$hot_pid")
	exec {hot_in}>"$real_tmp/in"
	hot_cut start
}

hot_cut() # NAME
{
	echo "cut $1" >&"$hot_in"
	real_await 20 grep -q "^$1 " "$real_tmp/out"
}

# hot_attach VERSION OP VARIANT: sets hot_watcher where there is one; waits until the probes are in the text
hot_attach()
{
	local command
	hot_watcher=
	case $3 in
	unwatched | race) return 0 ;;
	empty) command=("$bench_build/empty" "$bench_build/empty.bpf.o" "$hot_pid") ;;
	old-no-holds) command=("$BENCH_OLD" watch -q --budget 100 --max-hold 0 -p "$hot_pid$hot_others") ;; # for the JSON file only
	no-holds) command=("$maprace" watch -q --budget 100 --max-hold 0 -p "$hot_pid$hot_others") ;;
	maprace) command=("$maprace" watch -q -p "$hot_pid$hot_others") ;;
	bpftrace) command=(bpftrace -p "$hot_pid" -e "uprobe:/proc/$hot_pid/exe:\"$(hot_function "$1" "$2")\" { @ = count(); }") ;;
	esac
	# standard input stays open as long as this script lives: that is what the empty program waits for
	"${command[@]}" <"$real_tmp/held" >"$real_tmp/watcher.out" 2>&1 &
	hot_watcher=$!
	real_pids+=("$hot_watcher")
	if ! real_await 60 hot_probed; then
		echo "$3 does not attach:" >&2
		real_show "$real_tmp/watcher.out" >&2
		return 1
	fi
}

# hot_probed: whether all targets are: each that runs the same file makes a hit dearer
hot_probed()
{
	local pid
	[[ ${command[0]} == *maprace ]] || { text_probed "$hot_pid" && return; }
	for pid in "$hot_pid" ${hot_others//,/ }; do
		text_probed "$pid" || return 1
	done
}

# hot_idle VERSION: sets hot_others to ",PID..." of the other targets, which have nothing to do
hot_idle()
{
	local i
	hot_others=
	for ((i = 1; i < targets; i++)); do
		"$bench_build/hot-$1" read private 0 <"$real_tmp/held" >/dev/null 2>&1 &
		real_pids+=("$!")
		hot_others+=,$!
	done
}

# hot_half NAME: half of the long time without a watcher
hot_half()
{
	sleep "$(awk -v long="$long" 'BEGIN { print long / 2 }')"
	hot_cut "$1"
}

# hot_measure VERSION OP MODE VARIANT: operations/s into rate. For maprace at its default budget also into own what part it is of
# the same process's rate before and after: two processes of one program differ by more than the budget.
hot_measure()
{
	local binary=$bench_build/hot-$1
	[[ $4 != race ]] || binary+=-race
	hot_start "$binary" "$2" "$3"
	[[ $4 != maprace ]] || hot_half alone
	if hot_attach "$1" "$2" "$4"; then
		hot_cut attached
		# windows open and close several times a second: a moment tells nothing
		if [[ $4 == maprace ]]; then sleep "$long"; else sleep "$seconds"; fi
		hot_cut measured
	fi
	[[ -z $hot_watcher ]] || real_stop "$hot_watcher" INT
	if [[ $4 == maprace ]]; then
		hot_cut stopped
		hot_half alone
	fi
	exec {hot_in}>&-
	real_stop "$hot_pid" TERM
	# by its CPU time others on the machine count less; holds cost none, so that is for the cost of hits
	awk -v cpu="${BENCH_CPU:+4}" '$1 == "measured" { printf "%.0f\n", $2 / $(cpu ? cpu : 3) }' "$real_tmp/out" >"$real_tmp/rate"
	awk '$1 == "alone" { n += $2; s += $3 } $1 == "measured" { rate = $2 / $3 } END { if (n && rate) printf "%.4f\n", rate * s / n }' \
		"$real_tmp/out" >"$real_tmp/own"
}

hot_have() # VERSION VARIANT
{
	case $2 in
	race) [[ -x $bench_build/hot-$1-race ]] ;;
	bpftrace) command -v bpftrace >/dev/null ;;
	*) true ;;
	esac
}

hot_case() # VERSION OP MODE
{
	local round i n=${#hot_variants[@]} variant rates=$real_tmp/rates
	rm -rf "$rates"
	: >"$real_tmp/owns"
	mkdir -p "$rates"
	for ((round = 0; round < rounds; round++)); do
		for ((i = 0; i < n; i++)); do
			variant=${hot_variants[(i + round) % n]}
			hot_have "$1" "$variant" || continue
			hot_measure "$1" "$2" "$3" "$variant"
			cat "$real_tmp/rate" >>"$rates/$variant"
			cat "$real_tmp/own" >>"$real_tmp/owns"
		done
	done
	for variant in "${hot_variants[@]}"; do
		[[ ! -s $rates/$variant ]] || jq -n --arg variant "$variant" --argjson median "$(bench_median <"$rates/$variant")" \
			--slurpfile all "$rates/$variant" '{($variant): {median: $median, all: $all}}'
	done | jq -sc --arg go "$1" --arg op "$2" --arg mode "$3" --slurpfile own "$real_tmp/owns" \
		'{go: $go, op: $op, mode: $mode, rates: add, own: ($own | sort)}' \
		>>"$bench_build/hot.jsonl"
	tail -n 1 "$bench_build/hot.jsonl" | hot_row
}

hot_head()
{
	printf '%-5s %-8s %-8s %11s %11s %8s %8s %8s %8s %9s %9s %9s\n' go op mode 'unwatched/s' 'empty/s' \
		no-holds maprace bpftrace -race 'nohold/em' 'nohold/bt' 'mapr/own'
}

# rates relative to unwatched, then the ratios that matter
hot_row()
{
	jq -r '.rates as $r | def m($v): $r[$v].median; def over($a; $b): if m($a) and m($b) then m($a) / m($b) else null end;
		def rel($v): over($v; "unwatched");
		[.go, .op, .mode, m("unwatched"), m("empty"), rel("no-holds"), rel("maprace"), rel("bpftrace"), rel("race"),
		 over("no-holds"; "empty"), over("no-holds"; "bpftrace"), (.own | if length > 0 then .[length / 2 | floor] else null end)]
		| map(if . == null then "?" else . end) | @tsv' |
		awk -F'\t' '{ printf "%-5s %-8s %-8s %11.0f %11.0f %8.4f %8.4f %8.4f %8.4f %9.3f %9.2f %9.4f\n", $1, $2, $3, $4, $5, $6, $7,
			$8, $9, $10, $11, $12 }'
}

bench_hot()
{
	local version op mode
	echo "# hot loop: $rounds rounds of $seconds s, medians; columns no-holds to -race in parts of unwatched, mapr/own of the same process's"
	: >"$bench_build/hot.jsonl"
	rm -f "$real_tmp/held"
	mkfifo "$real_tmp/held"
	exec {hot_held}<>"$real_tmp/held"
	hot_head
	for version in "${versions[@]}"; do
		bench_go_build "$version" hot
		bench_go_build "$version" hot -race 2>"$real_tmp/err" || echo "        Go $version has no -race here" >&2
		hot_idle "$version"
		for op in "${hot_ops[@]}"; do
			for mode in "${hot_modes[@]}"; do
				hot_case "$version" "$op" "$mode"
			done
		done
	done
	exec {hot_held}<&-
	jq -s . "$bench_build/hot.jsonl" >"$bench_build/hot.json"
}
