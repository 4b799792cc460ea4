# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # run.sh sources this and shares its variables with it
# Time to the first proof in services that use hundreds of maps all the time, one pair of call sites of them without order
# (tests/bench/busy.go): attached, at the default budget.

busy_limit=120 # seconds after which a run counts as not proved
read -ra busy_services <<<"${BENCH_SERVICES:-requests cache index}"

# busy_once MAPRACE BINARY SERVICE: prints evidence and seconds, "none LIMIT" without a proof
busy_once()
{
	local -x MAPRACE_COLD_CALLS=1
	local status=0 pid out=$real_tmp/busy.json
	"$2" "$3" $((busy_limit + 60)) >"$real_tmp/busy" 2>&1 &
	pid=$!
	real_await 10 grep -q '^ready' "$real_tmp/busy"
	rm -f "$out"
	timeout $((busy_limit + 30)) "$1" watch -q --halt-on-race -d "$busy_limit" -o "$out" -p "$pid" >/dev/null 2>"$real_tmp/err" || status=$?
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	if [[ ! -s $out ]]; then
		echo "maprace ended with $status:" >&2
		real_show "$real_tmp/err" >&2
		return 1
	fi
	jq -r --argjson limit "$busy_limit" '[.races[] | select(.evidence != "window")] | sort_by(.first_seen_s) | .[0]
		| if . then [.evidence, .first_seen_s] else ["none", $limit] end | @tsv' "$out"
}

bench_busy()
{
	local version service i which against=(new) programs
	declare -A programs=([new]=${BENCH_NEW:-$maprace} [old]=${BENCH_OLD:-})
	[[ -z ${BENCH_OLD:-} ]] || against=(old new)
	: >"$bench_build/busy.jsonl"
	echo "# busy services, time to the first proof, s: $rounds runs each, at most $busy_limit s"
	printf '%-5s %-9s %-4s %8s %8s %8s  %s\n' go service '' median min max 'evidence'
	for version in "${versions[@]}"; do
		bench_go_build "$version" busy
		for service in "${busy_services[@]}"; do
			for which in "${against[@]}"; do : >"$real_tmp/busy.$which"; done
			for ((i = 0; i < rounds; i++)); do
				for which in "${against[@]}"; do
					busy_once "${programs[$which]}" "$bench_build/busy-$version" "$service" >>"$real_tmp/busy.$which"
				done
			done
			for which in "${against[@]}"; do
				awk -F'\t' -v go="$version" -v service="$service" -v which="$which" '{
					printf "{\"go\": \"%s\", \"service\": \"%s\", \"maprace\": \"%s\", \"evidence\": \"%s\", \"seconds\": %s}\n",
						go, service, which, $1, $2 }' "$real_tmp/busy.$which" >>"$bench_build/busy.jsonl"
				printf '%-5s %-9s %-4s %8.3f %8.3f %8.3f  %s\n' "$version" "$service" "$which" \
					"$(cut -f2 "$real_tmp/busy.$which" | bench_median)" "$(cut -f2 "$real_tmp/busy.$which" | sort -g | head -n 1)" \
					"$(cut -f2 "$real_tmp/busy.$which" | sort -g | tail -n 1)" \
					"$(cut -f1 "$real_tmp/busy.$which" | sort | uniq -c | awk '{ printf "%s%s %s", sep, $2, $1; sep = ", " }')"
			done
		done
	done
	jq -s . "$bench_build/busy.jsonl" >"$bench_build/busy.json"
}
