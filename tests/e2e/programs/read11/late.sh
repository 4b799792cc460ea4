#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# late.sh N DELAY...: all of maprace is killed at one time, as with its control group, and DELAY later the target dies of Go's
# own check. Says how many stand still 3 s later.
set -u
maprace=${MAPRACE:-../../../../build/maprace} n=$1
shift
for delay in "$@"; do
	stands=0 ended=0
	for ((i = 0; i < n; i++)); do
		go=/tmp/late.$$.go
		rm -f $go
		${LATE:-/work/read11/late} $go "$delay" >/dev/null 2>&1 &
		pid=$!
		sleep 0.3
		$maprace watch -p $pid >/tmp/late.$$.log 2>&1 &
		mr=$!
		for _ in {1..100}; do grep -q 'watching process' /tmp/late.$$.log && break; sleep 0.05; done
		sleep 1
		all="$mr $(cat /proc/$mr/task/$mr/children)"
		# shellcheck disable=SC2086
		perl -e 'my $go = shift; kill "KILL", @ARGV; open(my $f, ">", $go)' $go $all
		sleep 1.5
		state=$(awk '{print $3}' /proc/$pid/stat 2>/dev/null)
		case $state in T | t) stands=$((stands + 1)); kill -CONT $pid ;; *) ended=$((ended + 1)) ;; esac
		sleep 0.1
		kill -KILL $pid 2>/dev/null
		wait $pid 2>/dev/null
	done
	echo "delay $delay: $stands of $n stand still"
done
rm -f /tmp/late.$$.*
