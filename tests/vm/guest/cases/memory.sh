# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# Services that grow to the limit of their control group, until the kernel's OOM killer takes them.

limit=67108864

# events FILE: the thresholds of its document, and what came of it, a word each
events()
{
	sed -n 's/^ *"event": "oom-kill",$/killed/p; /^ *"event": "threshold",$/{n;s/^ *"percent": \([0-9]*\).*/\1/p}' "$1" | tr '\n' ' '
}

# tops FILE: the place that keeps most, of each profile that there is
tops()
{
	awk '/"sites": \[$/ { first = 1 } first && /"function":/ { gsub(/.*: "|",$/, ""); print; first = 0 }' "$1"
}

ended()
{
	[ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# leaks_in GROUP PROGRAM: watched until it is killed. An emulated machine takes a minute to load what watches; then it has to keep up
# with what grows by one to three percent a second, while its own CPUs may stand still for seconds: that is why whoever is
# looked at may stand still for long, too. Its maps are watched all the time: where a trap takes so long that this is over the budget,
# probes are moved, and who moves them in a process at its limit waits for a page of its group, while nobody else gets at its memory.
leaks_in()
{
	local program watcher status=0
	rm -f grow
	# shellcheck disable=SC2016 # the inner shell's
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$1" 1 0 600 grow' "$1" "/e2e/$2" >out 2>&1 </dev/null &
	program=$!
	wait_for 60 grep -q '^ready' out || die "$2 does not begin"
	maprace watch --memory-dir . --max-freeze 5s --budget 100 --max-hold 0 -o doc.json -p "$program" >told 2>err </dev/null &
	watcher=$!
	wait_for 240 grep -q '^maprace: watching' err || {
		show err
		kill -9 "$program" "$watcher"
		die "$2: cannot be watched"
	}
	: >grow
	wait_for 200 ended "$program" || die "$2 is still alive"
	wait "$watcher" || status=$?
	wait "$program" && die "$2 was not killed"
	[ "$status" -eq 0 ] || {
		show err
		die "$2: status $status"
	}
}

# memory_killed COUNT GROUP KIND PROGRAM...: in a group with that limit, so often each
memory_killed()
{
	local count=$1 group=$2 kind=$3 i program
	shift 3
	for program in "$@"; do
		i=0
		while [ "$i" -lt "$count" ]; do
			i=$((i + 1))
			leaks_in "$group" "$program"
			[ "$(events doc.json)" = '80 92 97 killed ' ] || {
				show told err
				die "$program, run $i: told: $(events doc.json)"
			}
			expect_line doc.json '"alone": true'
			expect_line doc.json "\"kind\": \"$kind\""
			expect_line doc.json "\"bytes\": $limit"
			tops doc.json >found
			[ "$(sort -u found)" = main.remember ] || {
				show found told
				die "$program, run $i: on top is not the leak: $(grep '"missing": "' doc.json)"
			}
			zcat heap-*-9*.pb.gz | grep -q main.remember || die "$program, run $i: no profile was written"
			fact "$kind/$program" "$i of $count, with what is recent: $(grep -c '"with_recent": true' doc.json) of 2"
			rm -f heap-*.pb.gz
		done
	done
}

# memory_killed_v2 COUNT PROGRAM...
memory_killed_v2()
{
	local count=$1
	shift
	grep -q memory /sys/fs/cgroup/cgroup.controllers || skip "this kernel has no memory controller"
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control || die "the memory controller cannot be used"
	mkdir -p /sys/fs/cgroup/leak
	echo "$limit" >/sys/fs/cgroup/leak/memory.max
	memory_killed "$count" /sys/fs/cgroup/leak cgroup-v2 "$@"
	rmdir /sys/fs/cgroup/leak
}

# memory_killed_v1 COUNT PROGRAM...: not in the same guest as the other one, from which it takes the controller
memory_killed_v1()
{
	local count=$1
	shift
	mkdir -p /tmp/cgroup-v1
	mount -t cgroup -o memory memory /tmp/cgroup-v1 || skip "this kernel has no memory controller of version 1"
	mkdir /tmp/cgroup-v1/leak
	echo "$limit" >/tmp/cgroup-v1/leak/memory.limit_in_bytes
	memory_killed "$count" /tmp/cgroup-v1/leak cgroup-v1 "$@"
	rmdir /tmp/cgroup-v1/leak
	umount /tmp/cgroup-v1
}
