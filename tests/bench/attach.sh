# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # run.sh sources this and shares its variables with it
# Time to attach to a 50 MB stripped binary (prometheus), and the tool's own memory: with maprace's and the target's files in the
# page cache, and without. Pages that a running process has mapped cannot be dropped, so the cold target is a fresh copy of the
# file that was never read but by the process itself.

attach_target() # COPY: sets attach_pid
{
	"$1" --config.file=/dev/null --storage.tsdb.path="$real_tmp/data" --web.listen-address="127.0.0.1:$("$real_build/serve" --port)" \
		--log.level=error </dev/null >"$real_tmp/log" 2>&1 &
	attach_pid=$!
	real_pids+=("$attach_pid")
	real_await 10 test -d "$real_tmp/data/wal"
}

# out of the page cache, as far as nobody maps it
attach_forget()
{
	sync "$1"
	dd if="$1" iflag=nocache count=0 status=none
}

attach_once() # prints attach_ms, wall ms to the probes, peak KB
{
	local started now peak
	started=${EPOCHREALTIME/./}
	"$maprace" watch -q -d 3 -o "$real_tmp/attach.json" -p "$attach_pid" </dev/null >/dev/null 2>"$real_tmp/err" &
	local pid=$!
	real_pids+=("$pid")
	real_await 10 text_probed "$attach_pid"
	now=${EPOCHREALTIME/./}
	peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null) || peak=0
	real_await 10 real_gone "$pid"
	real_stop "$pid" TERM
	jq -r --argjson wall $(((now - started) / 1000)) --argjson peak "$peak" '[.stats.attach_ms, $wall, $peak] | @tsv' \
		"$real_tmp/attach.json"
}

bench_attach()
{
	local kind i copy source dir=$bench_build/attach
	source=$(real_root bookworm prometheus)/usr/bin/prometheus
	echo "# attach to prometheus, $(($(stat -c %s "$source") / 1000000)) MB, stripped: $rounds rounds, medians"
	mkdir -p "$dir"
	printf '%-6s %12s %14s %10s\n' '' 'attach_ms' 'until probed' 'peak KB'
	for kind in warm cold; do
		: >"$real_tmp/$kind"
		for ((i = 0; i < rounds; i++)); do
			copy=$dir/prometheus
			rm -rf "$copy" "$real_tmp/data"
			cp "$source" "$copy"
			[[ $kind == warm ]] || attach_forget "$copy"
			attach_target "$copy"
			[[ $kind == cold ]] || attach_once >/dev/null
			attach_once >>"$real_tmp/$kind"
			real_stop "$attach_pid" TERM
		done
		printf '%-6s %12.1f %14.0f %10.0f\n' "$kind" "$(cut -f1 "$real_tmp/$kind" | bench_median)" \
			"$(cut -f2 "$real_tmp/$kind" | bench_median)" "$(cut -f3 "$real_tmp/$kind" | bench_median)"
		awk -v kind="$kind" '{ printf "{\"kind\": \"%s\", \"attach_ms\": %s, \"wall_ms\": %s, \"peak_kb\": %s}\n", kind, $1, $2, $3 }' \
			"$real_tmp/$kind" >>"$real_tmp/attach.jsonl"
	done
	jq -s . "$real_tmp/attach.jsonl" >"$bench_build/attach.json"
	rm -rf "$dir"
}
