# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# Lost updates of kernel BPF maps.

# bpf_watched MODE [OPTION...]: runs the victim under `maprace bpf`; out.json, report, summary, truth
bpf_watched()
{
	local mode=$1 status=0
	shift
	maprace bpf --json --budget 100 --suspects -o out.json "$@" >report 2>summary &
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
