# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# Lost updates of kernel BPF maps.

# bpf_begin OPTION...: maprace bpf in the background, from when it watches; `report`, `summary`, $watcher
bpf_begin()
{
	maprace bpf "$@" >report 2>summary &
	watcher=$!
	wait_for 60 grep -q '^maprace: watching\|^watching' summary || {
		show summary
		die "maprace bpf does not begin"
	}
}

# bpf_end: ends it; $watched_status
bpf_end()
{
	watched_status=0
	kill -INT "$watcher"
	wait "$watcher" || watched_status=$?
	[ "$watched_status" -eq 0 ] || [ "$watched_status" -eq 66 ] || {
		show summary
		die "status $watched_status of maprace bpf"
	}
}

# victim_begin MODE: the victim, loaded and waiting; victim_go: lets it work, until it has done; `truth`
victim_begin()
{
	mkfifo go
	lostupdate "$1" 3 <go >truth 2>ready &
	victim=$!
	exec 9>go
	wait_for 20 grep -q ready ready || {
		show ready
		die "the victim does not begin"
	}
}

victim_go()
{
	echo >&9
	exec 9>&-
	wait "$victim" || {
		show truth ready summary
		die "the victim failed"
	}
}

# bpf_watched MODE [OPTION...]: runs the victim under `maprace bpf`; out.json, report, summary, truth
# The window is long because an emulated CPU may stand still for a while between a read and its write.
bpf_watched()
{
	local mode=$1
	shift
	victim_begin "$mode"
	bpf_begin --json --budget 100 --window 10s --suspects -o out.json "$@"
	victim_go
	bpf_end
	show truth summary
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
	# an array's key is a number, and the locked map's is one here
	[ "$1" = processes_lock ] || [ "$1" = processes_array ] ||
		expect_line report '"key_typed":"{.port = 7, .proto = 0}"'
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
