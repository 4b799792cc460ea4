# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash disable=SC2154,SC2034 # set elsewhere: go_NAME by go_start (watch.sh)
# All Go processes of the guest are watched, those that are there and those that come, also in namespaces and control groups; trees in
# them; the daemon. There are no Go programs in the guest but those that a case starts.

container=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
pod=0a1b2c3d-0000-4000-8000-00000000beef
groups=/sys/fs/cgroup
in_pod=kubepods.slice/kubepods-pod0a1b2c3d_0000_4000_8000_00000000beef.slice/cri-containerd-$container.scope
port=9464
# Where every trap takes ten times as long a share that does for a host leaves too little to prove a race by.
dear="--budget 100 --max-hold 10ms"

# ---- what the document says ------------------------------------------------------------------------------------------------

# rows: the processes of ./doc.json, a line each
rows()
{
	awk '/^  "processes": \[$/ { inside = 1; next }
		inside && /^  \]/ { exit }
		inside && /^    \{/ { line = ""; next }
		inside && /^    \}/ { print line; next }
		inside { sub(/^ +/, ""); line = line $0 " " }' doc.json
}

# row PID: its own
row()
{
	rows | grep -E "^\"pid\": $1,"
}

# expect_row PID REGEX...: it has one, and that is so
expect_row()
{
	local pid=$1 regex
	shift
	row "$pid" >found || {
		rows
		die "no process $pid among those of the document"
	}
	for regex in "$@"; do
		expect_line found "$regex"
	done
}

# followed NAME: that number
followed()
{
	awk -v name="\"$1\":" '/^  "followed": \{/ { inside = 1 }
		inside && $1 == name { print $2 + 0; exit }
		inside && /^  \}/ { exit }' doc.json
}

# expect_followed NAME NUMBER
expect_followed()
{
	[ "$(followed "$1")" = "$2" ] || {
		sed -n '/^  "followed"/,/^  }/p' doc.json
		rows
		show err
		die "followed.$1 is $(followed "$1"), not $2"
	}
}

# ---- a run -------------------------------------------------------------------------------------------------------------------

# host_begin ARGUMENT...: maprace watch --all, in the background, until it answers
host_begin()
{
	rm -f doc.json
	maprace watch --all --json -o doc.json "$@" >out 2>err </dev/null &
	host=$!
	wait_for "$start_bound" catches || die "it does not begin"
	wait_for "$start_bound" answers || {
		show err
		die "it does not answer"
	}
}

# catches: SIGUSR1, which ended it before. (The shell that is about to become it catches others.)
catches()
{
	grep -q '^SigCgt:.*[2367abef]..$' "/proc/$host/status"
}

answers()
{
	kill -USR1 "$host"
	usleep 100000
	[ -s doc.json ]
}

# host_end STATUS: it is told to end, and does, with all that it has started
host_end()
{
	local status=0
	kill -TERM "$host"
	wait "$host" || status=$?
	[ "$status" -eq "$1" ] || {
		show out err
		die "maprace ended with status $status, not $1"
	}
	wait_for 10 nothing_left || die "left running: $(pidof maprace mr-attacher mr-measurer mr-execgate)"
}

nothing_left()
{
	! pidof maprace mr-attacher mr-measurer mr-execgate >/dev/null
}

# is_watched PID: said by a line of its own
is_watched()
{
	json_lines target | grep -qE "\"pid\": *$1,"
}

# soon_watched PID
soon_watched()
{
	wait_for "$start_bound" is_watched "$1" || {
		show out err
		die "process $1 is not watched"
	}
}

# proof_in PID: a race of that process, in its program's own functions
proof_in()
{
	json_lines race | grep -E "\"pid\": *$1," | grep -qE '"evidence": *"(collision|in-flight)"'
}

# proved_or_died NAME PID
proved_or_died()
{
	proof_in "$2" || go_died "$1"
}

# racer_comes PROGRAM [COMMAND...]: a racy program that comes while all are watched is proved so; racers: all that were started
racer_comes()
{
	local program=$1 tries=0
	shift
	racers=
	while [ "$tries" -lt "$starts" ]; do
		tries=$((tries + 1))
		go_start racer "$program" "$@" || {
			racers="$racers $go_racer"
			continue
		}
		racers="$racers $go_racer"
		wait_for "$race_bound" proved_or_died racer "$go_racer" || break
		if proof_in "$go_racer"; then
			go_stop racer
			return 0
		fi
		echo "start $tries: ended by Go's own check"
	done
	show out err
	die "no race was proved in the program that came"
}

# races_in PID...: there is no race in another one
races_in()
{
	local pid
	json_lines race >others
	for pid in "$@"; do
		grep -vE "\"pid\": *$pid," others >others.new || true
		mv others.new others
	done
	[ ! -s others ] || {
		show others
		die "a race in a process that has none"
	}
}

# ---- --all -------------------------------------------------------------------------------------------------------------------

# host_all RACY CLEAN [COMMAND...]: two are there, of which one goes; one comes and races; one comes and goes
host_all()
{
	local racy=$1 clean=$2 count
	shift 2
	go_start stays "$clean"
	go_start goes "$clean"
	# shellcheck disable=SC2086 # words
	host_begin $dear
	soon_watched "$go_stays"
	soon_watched "$go_goes"
	go_stop goes
	go_start brief "$clean"
	soon_watched "$go_brief"
	go_stop brief
	racer_comes "$racy"
	host_end 66
	go_stop stays
	race_check "$racy"
	# shellcheck disable=SC2086 # numbers
	races_in $racers
	# none is missed, nor taken for two: there is a row for each, and no other Go program ran
	# shellcheck disable=SC2086
	set -- $racers
	count=$((3 + $#))
	expect_line doc.json '"of": "host"'
	# a racer that its own check ended at once may have gone before anybody could look: then it is no Go program to us
	if [ "$(followed go)" -lt 4 ] || [ "$(followed go)" -gt "$count" ]; then
		expect_followed go "$count"
	fi
	expect_row "$go_stays" "\"exe\": \"/e2e/$clean\"" '"why_not": null' '"args": "/e2e/' "\"parent\": $$,"
	expect_row "$go_goes" '"why_not": null' '"to_s": [0-9]'
	expect_row "$go_brief" '"why_not": null' '"to_s": [0-9]'
	expect_row "$go_racer" "\"exe\": \"/e2e/$racy\"" '"why_not": null'
	[ "$(followed watched)" -ge 4 ] || expect_followed watched 4
	expect_line err "^  Watched [0-9]+ of $(followed go) Go processes, among [0-9]+ that were there or were started"
	echo "$(followed watched) of $count watched, among $(followed processes)"
}

# host_inside RACY CLEAN: the same in a PID namespace: what runs outside of it is neither counted nor named
host_inside()
{
	go_start outside "$2"
	kill -STOP "$go_outside" # there is little enough of a CPU
	in_pid_namespace "host_all $1 $2" || die "inside the namespace"
	kill -CONT "$go_outside"
	go_stop outside
}

# host_blind CLEAN: the kernel tells of no execution, so /proc must do: said, and all are found
host_blind()
{
	local clean=$1
	shift
	go_start before "$clean"
	host=
	rm -f doc.json
	"$@" maprace watch --all --json -o doc.json >out 2>err </dev/null &
	host=$!
	soon_watched "$go_before"
	go_start comes "$clean"
	soon_watched "$go_comes"
	go_stop comes
	go_stop before
	host_end 0
	expect_followed watched 2
	expect_line err 'the kernel does not tell of new processes .*: /proc is looked at instead'
	expect_line err '^  Caveat: new processes were found in /proc only'
}

# host_without_pidfd CLEAN: ends are seen all the same
host_without_pidfd()
{
	go_start before "$1"
	rm -f doc.json
	confine -d pidfd_open maprace watch --all --json -o doc.json >out 2>err </dev/null &
	host=$!
	soon_watched "$go_before"
	go_start comes "$1"
	soon_watched "$go_comes"
	go_stop comes
	wait_for "$start_bound" end_is_seen "$go_comes" || {
		show err
		die "that it has ended is not seen"
	}
	host_end 0
	go_stop before
	expect_followed watched 2
	expect_row "$go_comes" '"why_not": null' '"to_s": [0-9]'
}

end_is_seen()
{
	kill -USR1 "$host"
	usleep 100000
	row "$1" | grep -q '"to_s": [0-9]'
}

# ---- control groups ----------------------------------------------------------------------------------------------------------

# member NAME GROUP PROGRAM: go_start of one in that group
member()
{
	local name=$1 group=$2
	mkdir -p "$groups/$group"
	# shellcheck disable=SC2016 # for the inner shell
	go_start "$name" "$3" sh -c 'echo $$ >"$0/cgroup.procs" && exec "$1"' "$groups/$group"
}

# taken OPTIONS PID...: watch --all with these options takes them, who are there, and nobody else
taken()
{
	local options=$1 pid
	shift
	# shellcheck disable=SC2086 # words
	host_begin $options
	for pid in "$@"; do
		soon_watched "$pid"
	done
	usleep 500000 # for the others to be taken, too
	host_end 0
	expect_followed go $#
	expect_followed watched $#
	for pid in "$@"; do
		row "$pid" >/dev/null || die "$options: not process $pid"
	done
}

# host_cgroup CLEAN: of a container in a pod, of a unit with a group below it, of a group whose name begins alike, and of none
host_cgroup()
{
	local clean=$1
	grep -q " $groups cgroup2 " /proc/mounts || die "no control groups are mounted"
	member pod "$in_pod" "$clean"
	member unit system.slice/checkout.service/workers "$clean"
	member alike kubepods.slice-other "$clean"
	go_start none "$clean"
	kill -STOP "$go_pod" "$go_unit" "$go_alike" "$go_none" # there is little enough of a CPU
	taken '' "$go_pod" "$go_unit" "$go_alike" "$go_none"
	expect_row "$go_pod" "\"container\": \"$container\"" "\"pod\": \"$pod\"" '"unit": null'
	expect_row "$go_unit" '"container": null' '"pod": null' '"unit": "checkout.service"'
	expect_row "$go_none" '"container": null' '"pod": null' '"unit": null'
	taken "--cgroup $groups/kubepods.slice/" "$go_pod"
	taken '--cgroup system.slice/checkout.service' "$go_unit"
	taken '--container 0123456789ab' "$go_pod"
	taken '--cgroup kubepods' # no group of that name, two that begin so
	kill -CONT "$go_pod" "$go_unit" "$go_alike" "$go_none"
	go_stop pod
	go_stop unit
	go_stop alike
	go_stop none
	find "$groups/kubepods.slice" "$groups/kubepods.slice-other" "$groups/system.slice" -depth -type d -exec rmdir {} +
}

# host_cgroup_comes RACY CLEAN: a racy one comes in a group, and the same outside of it: the race is proved in the one, the other is
# not even looked at
host_cgroup_comes()
{
	local racy=$1 clean=$2
	member stays system.slice/checkout.service "$clean"
	# shellcheck disable=SC2086 # words
	host_begin --cgroup system.slice $dear
	soon_watched "$go_stays"
	go_start outside "$clean"
	mkdir -p "$groups/system.slice/racy.scope"
	# shellcheck disable=SC2016 # for the inner shell
	racer_comes "$racy" sh -c 'echo $$ >"$0/cgroup.procs" && exec "$1"' "$groups/system.slice/racy.scope"
	host_end 66
	go_stop outside
	go_stop stays
	race_check "$racy"
	# shellcheck disable=SC2086 # numbers
	races_in $racers
	expect_row "$go_stays" '"unit": "checkout.service"'
	expect_row "$go_racer" '"unit": "racy.scope"'
	! row "$go_outside" || die "one outside of the group is watched"
	# shellcheck disable=SC2086
	set -- $racers
	expect_followed go $((1 + $#))
	find "$groups/system.slice" -depth -type d -exec rmdir {} +
}

# ---- trees -------------------------------------------------------------------------------------------------------------------

# tree_watch COMMAND...: one run of watch -- COMMAND until there is a race; its status in tree_status
tree_watch()
{
	tree_status=0
	maprace watch -d "$race_bound" --halt-on-race --json -o doc.json -- "$@" >out 2>err </dev/null || tree_status=$?
}

# tree_inside RACY CLEAN: the command starts one program here, and one in a PID namespace of its own: both are followed, and the race is
# in the one inside, by the number that it has for us
tree_inside()
{
	local racy=$1 clean=$2 tries=0 pid
	while [ "$tries" -lt "$starts" ]; do
		tries=$((tries + 1))
		# shellcheck disable=SC2016 # for the inner shell
		tree_watch sh -c '"$1" & unshare -pf --mount-proc "$0" & trap "kill \$(jobs -p)" TERM; wait; wait' "/e2e/$racy" "/e2e/$clean"
		[ "$tree_status" -eq 66 ] || {
			show out err
			die "status $tree_status instead of 66"
		}
		proved "$racy" "$tree_status" err || continue
		expect_followed watched 2
		expect_followed go 2
		expect_line doc.json '"of": "command"'
		pid=$(rows | grep -F "\"/e2e/$racy\"" | sed 's/^"pid": \([0-9]*\),.*/\1/')
		[ "${pid:-1}" -gt 2 ] || {
			rows
			die "no number of ours for the racy program: ${pid:-none}"
		}
		races_in "$pid"
		expect_row "$pid" '"why_not": null'
		wait_for 10 nothing_left || die "left running: $(pidof maprace mr-attacher mr-measurer mr-execgate)"
		return 0
	done
	show err
	die "the program never lasted long enough"
}

# tree_alone CLEAN REGEX COMMAND...: where what CMD starts cannot be followed, which COMMAND takes care of, CMD itself is watched, what it
# starts is not, and that is said, for the reason that doctor has
tree_alone()
{
	local clean=$1 regex=$2
	shift 2
	expect_status 0 "$@" maprace watch --json -o doc.json -- "/e2e/$clean" 3
	[ "$(json_lines target | wc -l)" -eq 1 ] || {
		show out err
		die "the command itself is not watched"
	}
	expect_line err "^  Caveat: other programs that the command has started were not watched: $regex"
	# one that is no Go program itself: nothing is left to watch
	expect_status 1 "$@" maprace watch --json -- sh -c "/e2e/$clean 1; true"
	never_line out '"type"'
	cat err
	expect_line err 'what a command starts in other processes is not watched'
}

# ---- the daemon --------------------------------------------------------------------------------------------------------------

# get PAGE: to ./PAGE; status 0: it says 200
get()
{
	printf 'GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" | nc -w 10 127.0.0.1 "$port" | tr -d '\r' >reply
	sed '1,/^$/d' reply >"$1"
	head -n 1 reply | grep -q '^HTTP/1[.]1 200 '
}

healthy()
{
	get healthz && grep -qx ok healthz
}

# metric REGEX: there is such a line now
metric()
{
	get metrics && grep -qE "^$1" metrics
}

# daemon_story RACY CLEAN: it answers, a race comes into its log and its figures, it ends when it is told to
daemon_story()
{
	local racy=$1 clean=$2
	printf '%s\n' 'log: races.jsonl' 'state: known' "listen: 127.0.0.1:$port" 'budget: 100' 'max-hold: 10ms' >daemon.yaml
	go_start stays "$clean"
	maprace daemon --config daemon.yaml >stdout 2>err </dev/null &
	host=$!
	wait_for "$start_bound" healthy || {
		show stdout err
		die "/healthz does not say ok"
	}
	wait_for "$start_bound" metric 'maprace_go_processes_watched_total 1$' || {
		show metrics err
		die "the program that was there is not watched"
	}
	[ ! -s races.jsonl ] || die "a race in a program that has none: $(cat races.jsonl)"
	ln -s races.jsonl out # for json_lines
	racer_comes "$racy"
	race_check "$racy"
	# shellcheck disable=SC2086 # numbers
	races_in $racers
	[ "$(wc -l <races.jsonl)" -eq "$(sed 's/.*"id": *"\([^"]*\)".*/\1/' races.jsonl | sort -u | wc -l)" ] || {
		cat races.jsonl
		die "a race is in the log twice"
	}
	grep -qE "\"process\": *[{][^}]*\"exe\": *\"/e2e/$racy\"" races.jsonl || die "the log does not say which program it was"
	wait_for "$start_bound" metric "maprace_race_sightings_total[{].*exe=\"/e2e/$racy\".*[}] [1-9]" || {
		show metrics
		die "the race is not among the figures"
	}
	never_line metrics "maprace_race_sightings_total.*$clean"
	expect_line metrics '^maprace_cost_cpus [0-9]'
	get races || die "no /races"
	expect_line races '"schema": "maprace/1"'
	healthy || die "it is not healthy any more"
	host_end 0
	[ -s known ] || die "which races are known is not kept"
	! get healthz 2>/dev/null || die "somebody still answers"
	go_stop stays
}
