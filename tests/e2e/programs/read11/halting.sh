#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# halting.sh none|stop|quota|nice N: halting.go, whose rogue has begun its write when maprace attaches, N times. stop: as
# cpulimit -l 20 does it; quota: a control group that gets QUOTA us of 100 ms. Counts whom the deaths name.
set -u
cd "$(dirname "$0")" || exit
how=$1 n=$2 tmp=$(mktemp -d)
maprace=${MAPRACE:-../../../../build/maprace}
for ((i = 0; i < n; i++)); do
	"${HALTING:-/work/read11/halting}" >"$tmp/out" 2>"$tmp/err" & pid=$!
	until grep -q ready "$tmp/out"; do sleep 0.1; done
	sleep 0.5
	: >"$tmp/log"
	stopper=
	case $how in
	stop) (while kill -STOP $pid 2>/dev/null; do sleep 0.08; kill -CONT $pid; sleep 0.02; done) 2>/dev/null & stopper=$! ;;
	quota)
		g=/sys/fs/cgroup/cpu/read11; mkdir -p $g; echo 100000 >$g/cpu.cfs_period_us; echo "${QUOTA:-30000}" >$g/cpu.cfs_quota_us
		echo $pid >$g/cgroup.procs ;;
	nice) # two that are as nice as most, for ten seconds
		renice -n 19 -p $(ls /proc/$pid/task) >/dev/null
		for c in 0 1; do timeout 12 sh -c 'while :; do :; done' & done ;;
	esac
	kill -USR1 $pid
	"$maprace" watch -p $pid -d 25 -o "$tmp/o.json" >"$tmp/text" 2>&1
	kill -KILL $pid 2>/dev/null; wait $pid 2>/dev/null
	[ "$stopper" ] && wait $stopper
	cp "$tmp/text" "/work/read11/halting-$how-$i.text"; cp "$tmp/o.json" "/work/read11/halting-$how-$i.json"
	if grep -q 'Last seen write.*' "$tmp/text"; then grep -A3 'Last seen write' "$tmp/text" | tr '\n' ' '; else echo -n "nobody named "; fi
	grep -h 'Evidence\|No race' "$tmp/text" | head -1
done
rmdir /sys/fs/cgroup/cpu/read11 2>/dev/null
rm -rf "$tmp"
