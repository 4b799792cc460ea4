# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # run.sh sources this and shares its variables with it
# Time to the first proof by how far apart the accesses of a race are (tests/bench/rare.go), at two budgets.

proof_limit=20 # seconds after which a run counts as not proved

# proof_once BINARY MICROSECONDS BUDGET: prints evidence and seconds, "none LIMIT" without a proof
proof_once()
{
	local status=0
	rm -f "$real_tmp/proof.json"
	timeout $((proof_limit + 15)) "$maprace" watch -q --halt-on-race --budget "$3" -d "$proof_limit" \
		-o "$real_tmp/proof.json" -- "$1" "$2" $((proof_limit + 5)) >/dev/null 2>"$real_tmp/err" || status=$?
	if [[ ! -s $real_tmp/proof.json ]]; then
		echo "maprace ended with $status:" >&2
		real_show "$real_tmp/err" >&2
		return 1
	fi
	jq -r --argjson limit "$proof_limit" '.races | sort_by(.first_seen_s) | .[0]
		| if . then [.evidence, .first_seen_s] else ["none", $limit] end | @tsv' "$real_tmp/proof.json"
}

bench_proof()
{
	local version microseconds budget i
	echo "# time to the first proof, s: $rounds runs each, at most $proof_limit s"
	printf '%-5s %9s %7s %8s %8s %8s  %s\n' go 'apart us' budget median min max 'evidence'
	: >"$bench_build/proof.jsonl"
	for version in "${versions[@]}"; do
		bench_go_build "$version" rare
		for microseconds in 10 1000 100000; do
			for budget in 5 100; do
				for ((i = 0; i < rounds; i++)); do
					proof_once "$bench_build/rare-$version" "$microseconds" "$budget"
				done >"$real_tmp/proofs"
				awk -F'\t' -v go="$version" -v us="$microseconds" -v budget="$budget" '{
					printf "{\"go\": \"%s\", \"delay_us\": %d, \"budget\": %d, \"evidence\": \"%s\", \"seconds\": %s}\n",
						go, us, budget, $1, $2 }' "$real_tmp/proofs" >>"$bench_build/proof.jsonl"
				printf '%-5s %9d %7d %8.3f %8.3f %8.3f  %s\n' "$version" "$microseconds" "$budget" \
					"$(cut -f2 "$real_tmp/proofs" | bench_median)" "$(cut -f2 "$real_tmp/proofs" | sort -g | head -n 1)" \
					"$(cut -f2 "$real_tmp/proofs" | sort -g | tail -n 1)" \
					"$(cut -f1 "$real_tmp/proofs" | sort | uniq -c | awk '{ printf "%s%s %s", sep, $2, $1; sep = ", " }')"
			done
		done
	done
	jq -s . "$bench_build/proof.jsonl" >"$bench_build/proof.json"
}
