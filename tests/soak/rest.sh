#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# When all are at rest: nothing is left, memory is flat, the kernel has not warned. Sourced by soak.sh.
# shellcheck disable=SC2154,SC2034  # its variables

all_idle()
{
	local i
	for ((i = 1; i <= slots; i++)); do [[ -e $run/idle.$i ]] || return 1; done
}

# Programs, links and maps in the kernel that no process holds, with our names, whoever's they were.
orphans()
{
	local held
	held=$(cat /proc/[0-9]*/fdinfo/* 2>/dev/null | awk '/^(prog_id|link_id|map_id):/ { print $1 $2 }' | sort -u)
	{
		"$bpftool" --json prog 2>/dev/null | jq -r '.[] | select(.name // "" | test("^(maprace_|feature_hit|gomap)")) | "prog_id:\(.id)"'
		"$bpftool" --json link 2>/dev/null | jq -r '.[] | select(.type == 12) | "link_id:\(.id)"'
		"$bpftool" --json map 2>/dev/null | jq -r '.[] | select(.name // "" | startswith("gomap")) | "map_id:\(.id)"'
	} | sort -u | comm -23 - <({ echo "$held"; "$bpftool" --json prog 2>/dev/null | jq -r '.[] | .map_ids[]? | "map_id:\(.)"'; } | sort -u)
}

no_orphans()
{
	[[ -z $(orphans) ]]
}

said_more() # LINES FILE
{
	(($(grep -c '^gauge' "$2") > $1))
}

gauge() # PID FILE: sets picoseconds, of an operation on a map, the least of four seconds
{
	local lines i
	for i in 1 2; do
		lines=$(grep -c '^gauge' "$2" || true)
		kill -USR1 "$1"
		wait_until 10 said_more "$lines" "$2" || { failure harm "process $1 does not answer" && return 0; }
		((i == 2)) || nap 4
	done
	picoseconds=$(awk '$1 == "gauge" { n = $2 } END { print n }' "$2")
}

rss() # of the long watch and its attacher, kB
{
	local pid sum=0 kb
	for pid in "$long" $(pgrep -P "$long" || true); do
		kb=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status" 2>/dev/null) || kb=0
		sum=$((sum + ${kb:-0}))
	done
	echo "$sum"
}

kernel_log()
{
	dmesg | awk -v from="$dmesg_from" -F '[][]' '$2 + 0 > from' |
		grep -i 'WARNING:\|BUG:\|Oops\|failed to unregister\|uprobe\|general protection\|stall\|blocked for more\|lockup\|segfault\|trap int3\|invalid opcode\|kasan' || true
}

# an attacher that we killed while it took probes away: the kernel gives them up then (docs/limits.md)
kernel_gave_up()
{
	kernel_log | grep 'uprobe: .* failed to unregister, leaking uprobe' | grep -wFf "$run/killed" || true
}

# lines that name a process of somebody else, who does such things on purpose, or has its own trouble: listed, not counted
kernel_ours()
{
	kernel_log | grep -vxFf <(kernel_gave_up) | grep -v '\(segfault\|trap int3\|trap invalid opcode\|general protection\).* ip:' || true
	kernel_log | grep '\(segfault\|trap int3\|trap invalid opcode\|general protection\).* ip:' | grep ' \(steady\|race_[a-z_]*\|maprace\|mr-[a-z]*\)\[' || true
}

memory()
{
	awk '/^(MemAvailable|SUnreclaim|Percpu):/ { printf "%s %d MB ", $1, $2 / 1024 }' /proc/meminfo
}

settle()
{
	local left slot
	work=$run/settle
	touch "$run/pause"
	if ! wait_until 300 all_idle; then
		failure stuck 'a session does not end'
	else
		for ((slot = 1; slot <= slots; slot++)); do
			no_maprace "$run/bin/$slot/maprace" || failure left "a process: $(pgrep -af "^$run/bin/$slot/")"
		done
		wait_until 20 clean_text "$shared" || failure left 'a probe in the shared target'
		gone "$shared" && failure harm 'the shared target has ended'
		wait_until 60 no_orphans || failure left "in the kernel: $(orphans | tr '\n' ' ')"
		gauge "$shared" "$run/shared"
		echo "$(elapsed) s: at rest: no probe, an operation on a map takes $((picoseconds / 1000)).$((picoseconds % 1000 / 100)) ns, before $((shared_ps / 1000)).$((shared_ps % 1000 / 100)); $(memory)"
		((picoseconds <= shared_ps * 2 + 20000)) || failure harm "an operation of the shared target takes $picoseconds ps, before $shared_ps"
		left=$(awk '/^SUnreclaim/ { print $2 }' /proc/meminfo)
		((left <= slab_before + 262144)) || failure memory "SUnreclaim was $slab_before kB, is $left"
	fi
	rm -f "$run/pause"
}

minute()
{
	local ended
	ended=$(grep '^ended' "$run/events" | sort | uniq -c | awk '{ printf "%s%s %s", (NR > 1 ? ", " : ""), $3 (NF > 3 ? "+" $4 : ""), $1 }')
	echo "$(elapsed) s: targets started $(count started), ended: ${ended:-0}; watches: $(grep '^watch' "$run/events" | sort | uniq -c |
		awk '{ printf "%s%s %s", (NR > 1 ? ", " : ""), $3, $1 }'); races proved $(count race); false $(count FAILED false), harm $(count FAILED harm)," \
		"left $(count FAILED left), stuck $(count FAILED stuck), crashes $(count FAILED crash); long watch $(rss) kB, $(find "/proc/$long/fd" -mindepth 1 | wc -l) files;" \
		"kernel warnings $(kernel_ours | wc -l), of attachers killed at work $(kernel_gave_up | wc -l)"
}
