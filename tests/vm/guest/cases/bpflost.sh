# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# Lost updates of kernel BPF maps.

# bpf_watched MODE [OPTION...]: runs the victim under `maprace bpf`; out.json, report, summary, truth
# The window is long because an emulated CPU may stand still for a while between a read and its write.
bpf_watched()
{
	local mode=$1 status=0
	shift
	maprace bpf --json --budget 100 --window 5s --suspects -o out.json "$@" >report 2>summary &
	watcher=$!
	wait_for 30 grep -q '^maprace: watching\|^watching' summary || {
		show summary
		die "maprace bpf does not begin"
	}
	lostupdate "$mode" 3 >truth 2>&1 || {
		show truth summary
		die "the victim failed"
	}
	sleep 1
	kill -INT "$watcher"
	wait "$watcher" || status=$?
	show truth summary
	[ "$status" -eq 0 ] || [ "$status" -eq 66 ] || die "status $status of maprace bpf"
	watched_status=$status
	missing=$(sed -n 's/.*missing=//p' truth)
	lost=$(sed -n 's/.* \(-\{0,1\}[0-9]*\) updates lost.*/\1/p' summary)
	fact "bpf_$mode" "missing $missing, reported $lost"
}

# bpf_unsafe MODE ACTOR ACTOR: what is reported lost is what is missing, within 5 %, by these two
bpf_unsafe()
{
	bpf_watched "$1"
	[ "$watched_status" -eq 66 ] || die "nothing was reported"
	[ "$missing" -ge 50 ] || die "the victim lost too little to compare: $missing"
	expect_line report "\"kind\":\"lost-update\".*\"map_name\":\"counter\".*\"key\":\"07 00 00 00\""
	expect_line report "\"$2\""
	expect_line report "\"$3\""
	echo "$missing $lost" | awk '{ d = $2 - $1; if (d < 0) d = -d; exit !(d <= $1 * 0.05) }' ||
		die "$lost updates reported lost, $missing are missing"
}

# bpf_safe MODE: silence
bpf_safe()
{
	bpf_watched "$1"
	[ "$watched_status" -eq 0 ] || {
		show report
		die "reported although nothing is lost"
	}
	never_line report '"type":"race"'
	expect_line summary 'operations [1-9]'
}

# mapload_rate [OPTION...]: updates a second, unwatched without options, else under `maprace bpf OPTION...`
mapload_rate()
{
	mkfifo go.$$ 2>/dev/null || true
	mapload 3 other <go.$$ >rate 2>ready &
	loader=$!
	exec 9>go.$$
	wait_for 10 grep -q ready ready || die "the load does not begin"
	if [ $# -gt 0 ]; then
		maprace bpf "$@" >report 2>summary &
		watcher=$!
		wait_for 30 grep -q 'watching' summary || {
			show summary
			die "maprace bpf does not begin"
		}
	fi
	echo >&9
	exec 9>&-
	wait "$loader" || die "the load failed"
	if [ $# -gt 0 ]; then
		kill -INT "$watcher"
		wait "$watcher" || die "maprace bpf found something"
	fi
	sed -n 's/^updates.s //p' rate
}

# bpf_cost: the load's rate when another map is watched, against none; and under watch, with nothing lost uncounted
bpf_cost()
{
	local plain other watched
	plain=$(mapload_rate) || die "$plain"
	other=$(mapload_rate --map other) || die "$other"
	watched=$(mapload_rate --map loaded --budget 100) || die "$watched"
	show summary
	fact bpf_cost "plain $plain, other map watched $other, watched $watched updates/s"
	echo "plain $plain, other map watched $other, this one watched $watched"
	expect_line summary 'operations [1-9][0-9]*'
	echo "$plain $other" | awk '{ exit !($2 >= $1 * 0.9) }' || die "watching another map costs more than a tenth"
}
