# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# maprace watch on the end-to-end programs. The emulated CPUs are ten times slower than real ones and stall when the host is
# busy: what is awaited ends with the event, and the bounds only say when to give up.

race_bound=60  # s until a racy program must have been proved so
clean_time=4   # s that a clean one is watched, and
clean_bound=40 # the longest that it is, where less did not see enough
# A racy program's goroutines keep apart by the clock alone. When the host takes a CPU away in the middle of an access they meet, and
# Go's own check ends the program: it is then started again, so often at most.
starts=6
export E2E_PERIOD=5ms
start_bound=60 # s until a program says that it is ready

has_line()
{
	grep -q -- "$2" "$1"
}

up_or_died()
{
	has_line "$1.out" '^ready' || go_died "$1"
}

# go_start NAME PROGRAM [COMMAND...]: starts /e2e/PROGRAM (under COMMAND) as ./NAME.out and sets go_NAME to its process id. Status 1:
# Go's own check ended it before it was up.
go_start()
{
	local name=$1 program=$2 pid
	shift 2
	rm -f "$name.out" "$name.err" # a start before this one has said that it is ready, or dead
	"$@" "/e2e/$program" >"$name.out" 2>"$name.err" &
	pid=$!
	eval "go_$name=$pid program_$name=$program"
	wait_for "$start_bound" up_or_died "$name" || {
		show "$name.out" "$name.err"
		die "$program did not come up in $start_bound s"
	}
	! go_died "$name"
}

# go_stop NAME: the program ends as it should: told to stop, it says what it did and leaves with status 0. Go's own check may have ended
# a racy one before.
go_stop()
{
	local pid program status=0
	eval "pid=\$go_$1 program=\$program_$1"
	if ! go_died "$1"; then
		kill -TERM "$pid" || go_died "$1" || die "$1 was gone before its end"
		wait "$pid" || status=$?
	fi
	if go_died "$1"; then # before it was told to stop, or in between
		case ${program##*/} in
		race_*) ;;
		*)
			show "$1.err"
			die "$program has no race, and was ended by Go's own check"
			;;
		esac
		echo "$1 was ended by Go's own check"
		return 0
	fi
	[ "$status" -eq 0 ] || {
		show "$1.out" "$1.err"
		die "the watched program ended with status $status"
	}
	expect_line "$1.out" '^ok [1-9][0-9]* operations'
}

# go_died NAME: it has found its own race, which a program nobody watches does as well
go_died()
{
	go_died_in "$1.err"
}

go_died_in()
{
	grep -q '^fatal error: .*concurrent map\|^fatal error: concurrent map' "$1"
}

# The objects of one type in the JSON lines of ./out, one a line.
json_lines()
{
	grep -E "^[{]\"type\": *\"$1\"" out
}

# json_number LINE_TYPE NAME: the first number of that name
json_number()
{
	json_lines "$1" | tail -n 1 | grep -oE "\"$2\": *[0-9.]+" | head -n 1 | grep -oE '[0-9.]+$'
}

# race_check PROGRAM: ./out holds a race that its source expects (or allows): kind and functions; and none else
race_check()
{
	local want kind a b
	json_lines race >races || {
		show out err
		die "no race line"
	}
	: >match
	while read -r want kind a b; do
		[ "$want" != NEVER ] || continue
		# a=OPERATION:FUNCTION:MARKER
		grep -E "\"kind\": *\"${kind#kind=}\"" races | grep -E '"evidence": *"(collision|in-flight|fatal)"' |
			grep -F "\"$(field "${a#a=}" 2)\"" | grep -F "\"$(field "${b#b=}" 2)\"" >>match || true
		# in flight, and whose write it was that was under way is not known: one access; so where a program with two races
		# dies of the one that is not proved yet
		grep -E "\"kind\": *\"${kind#kind=}\"" races | grep -E '"evidence": *"(in-flight|fatal)"' |
			grep -vE '"accesses": *[[].*"op":.*"op":' |
			grep -F -e "\"$(field "${a#a=}" 2)\"" -e "\"$(field "${b#b=}" 2)\"" >>match || true
		# or whose it was is known, but not yet from where it was called: no frame but the runtime's. Where two die of each other at
		# once, it may be either that is known.
		grep -E "\"kind\": *\"${kind#kind=}\"" races | grep -E '"evidence": *"(in-flight|fatal)"' |
			grep -E '"role": *"last-seen".*"stack": *[[][{]"function": *"(internal/)?runtime[^{]*[}][]].*"partial": *true' >partial || true
		grep -F "\"op\":\"$(field "${a#a=}" 1)\"" partial | grep -F "\"$(field "${b#b=}" 2)\"" >>match || true
		grep -F "\"op\":\"$(field "${b#b=}" 1)\"" partial | grep -F "\"$(field "${a#a=}" 2)\"" >>match || true
	done <"/e2e/$1.expect"
	[ "$(sort -u match | wc -l)" -ge "$(sort -u races | wc -l)" ] || {
		show "/e2e/$1.expect" races err
		die "a race that the source of $1 does not expect"
	}
	grep -oE '"evidence": *"[a-z-]*"' races
}

# only_fatal PROGRAM: ./out tells of the program's death and of nothing before it; the one who died is then one of the two expected
only_fatal()
{
	local want kind a b
	json_lines race | grep -q '"evidence": *"fatal"' || return 1
	if json_lines race | grep -qE '"evidence": *"(collision|in-flight)"'; then
		return 1
	fi
	while read -r want kind a b; do
		[ "$want" != NEVER ] || continue
		json_lines race | grep -qF -e "\"$(field "${a#a=}" 2)\"" -e "\"$(field "${b#b=}" 2)\"" && return 0
	done <"/e2e/$1.expect"
	show out err
	die "the report of the death names no function that the source expects"
}

field()
{
	echo "$1" | cut -d: -f"$2"
}

# proved PROGRAM STATUS WORDS: maprace ended with that status. Status 1: Go's own check, whose words are in WORDS, was quicker, and
# maprace told of it, as it must of each death while it watches.
proved()
{
	if [ "$2" -eq 66 ] && ! only_fatal "$1"; then
		race_check "$1"
		return 0
	fi
	# told of when the program begins to die, a moment before its words come
	[ "$2" -ne 66 ] || wait_for "$start_bound" go_died_in "$3" || {
		show out err
		die "told of a death that did not happen"
	}
	go_died_in "$3" || {
		show out err
		die "status $2 instead of 66"
	}
	[ "$2" -eq 66 ] || died_unwatched "$2" || {
		show out err "$3"
		die "status $2 instead of 66, and not for a death before the watch"
	}
	echo "ended by Go's own check before maprace had its proof (status $2)"
	return 1
}

# died_unwatched STATUS: maprace ended as it does when the program dies while it attaches
died_unwatched()
{
	if attached; then
		[ "$1" -eq 0 ] && [ -e died_before ]
	else
		[ "$1" -eq 1 ]
	fi
}

# errors_note: copies maprace's errors, as they come, to ./err; makes ./died_before if the program had said its last when maprace said
# that it watched. The probes were in place a moment before maprace said so, and Go's words come a moment after its death begins, which
# on a busy host may be later still: hence the pause.
errors_note()
{
	local line
	while IFS= read -r line; do
		printf '%s\n' "$line"
		case $line in
		'maprace: watching process'*)
			usleep 100000
			! go_died_in target.err || : >died_before
			;;
		esac
	done >err
}

# watch_race PROGRAM [COMMAND...]: proved, by maprace run under COMMAND
watch_race()
{
	local program=$1 status notes tries=0
	shift
	[ -p errors ] || mkfifo errors
	while [ "$tries" -lt "$starts" ]; do
		tries=$((tries + 1))
		go_start target "$program" || {
			echo "start $tries: ended by Go's own check before it was up"
			continue
		}
		rm -f died_before
		errors_note <errors &
		notes=$!
		status=0
		"$@" maprace watch -p "$go_target" -d "$race_bound" --halt-on-race --json >out 2>errors </dev/null || status=$?
		wait "$notes"
		if proved "$program" "$status" target.err; then
			go_stop target
			return 0
		fi
	done
	show target.err err
	die "the program never lasted long enough"
}

# paranoid LEVEL CASE...: with kernel.perf_event_paranoid at that level
paranoid()
{
	local level=$1
	shift
	sysctl -w "kernel.perf_event_paranoid=$level" >/dev/null || die "kernel.perf_event_paranoid"
	"$@"
	sysctl -w kernel.perf_event_paranoid=3 >/dev/null
}

# watch_longer ENOUGH COMMAND...: COMMAND watches something clean into ./out and ./err, again and twice as long each time until
# ENOUGH says that enough was seen. A guest beside others has a tenth of a CPU at times.
watch_longer()
{
	local enough=$1 seconds=$clean_time
	shift
	while :; do
		expect_status 0 "$@" -d "$seconds"
		never_line out '"type": *"race"'
		! "$enough" || return 0
		[ "$((seconds * 2))" -le "$clean_bound" ] || break
		seconds=$((seconds * 2))
	done
	show out err
	die "too little was seen in $seconds s"
}

# saw_operations: enough of them in ./out; few, where each takes a deep stack and the holds outlast the host's time slices
saw_operations()
{
	seen=$(json_number stats operations)
	[ "${seen:-0}" -gt 10 ]
}

# watch_clean PROGRAM: nothing is proved, though much is seen
watch_clean()
{
	go_start target "$1"
	watch_longer saw_operations maprace watch -p "$go_target" --json
	go_stop target
	echo "$seen operations"
}

# watch_command PROGRAM [COMMAND...]: started by maprace itself, or by COMMAND, which maprace has started: it is let go only when the
# probes are in place, nothing is missed
watch_command()
{
	local program=$1 status tries=0
	shift
	while [ "$tries" -lt "$starts" ]; do
		tries=$((tries + 1))
		status=0
		maprace watch -d "$race_bound" --halt-on-race --json -o doc.json -- "$@" "/e2e/$program" >out 2>err </dev/null || status=$?
		[ "$status" -eq 66 ] || {
			show out err
			die "status $status instead of 66"
		}
		if proved "$program" "$status" err; then
			expect_line doc.json '"schema": *"maprace/1"'
			grep -q 'Watched 1 of 1 Go processes' err || {
				show err
				die "what is started is not followed"
			}
			return 0
		fi
	done
	show err
	die "the program never lasted long enough"
}

# watch_tree PROGRAM: a shell's child
watch_tree()
{
	# shellcheck disable=SC2016
	watch_command "$1" sh -c '"$0" & trap "kill $!" TERM; wait; true'
}

# watch_forked PROGRAM: its child goes on without an execve
watch_forked()
{
	expect_status 0 maprace watch -o doc.json -- "/e2e/$1" 4000
	if ! grep -q 'Watched 2 of 2 Go processes' err || ! grep -q '^  Caveat: process [0-9]* was forked by process ' err; then
		show out err
		die "a child that has executed nothing is not watched, or not said to be one"
	fi
}

# watch_written_over PROGRAM LATER: it becomes a shell, which writes another program over it and becomes that
watch_written_over()
{
	local pid watcher status=0
	cp "/e2e/$1" deployed
	# shellcheck disable=SC2016
	./deployed /bin/sh -c 'cat "$0" >deployed; exec ./deployed 7 300' "/e2e/$2" 2>said &
	pid=$!
	until grep -q ready said; do sleep 0.1; done
	maprace watch -p "$pid" -d 60 >out 2>err &
	watcher=$!
	until grep -q '^maprace: watching' err || [ ! -d "/proc/$watcher" ]; do sleep 0.1; done
	kill -USR2 "$pid"
	wait "$pid" || status=$?
	wait "$watcher" || {
		show out err
		die "maprace has failed"
	}
	[ "$status" -eq 7 ] || {
		show said out err
		die "what it has become was harmed: status $status"
	}
}

# watch_fatal PROGRAM [COMMAND...]: nothing keeps its goroutines apart and none is held, so Go's own check ends it within seconds, and
# maprace, run under COMMAND, tells of that
watch_fatal()
{
	local program=$1
	shift
	expect_status 66 env E2E_PERIOD=10us "$@" maprace watch -d "$race_bound" --max-hold 0 --json -- "/e2e/$program"
	go_died_in err || {
		show out err
		die "Go's own check has not ended it"
	}
	json_lines race | grep -q '"evidence": *"fatal"' || {
		show out err
		die "its death is not told of"
	}
	json_lines race | grep '"evidence": *"fatal"' | grep -q '"map": *{"addr": *"0xc' || {
		show out err
		die "the map is not told"
	}
	race_check "$program"
}

# watch_other PROGRAM [COMMAND...]: two processes run the same executable. The probes sit in the file's pages, so both hit them; only what the
# watched one does may count. First the watched one stands still while the other works, then the other way round.
watch_other()
{
	local seen program=$1
	shift
	go_start target "$program"
	go_start other "$program"
	kill -STOP "$go_target"
	expect_status 0 "$@" maprace watch -p "$go_target" -d "$clean_time" --json
	seen=$(json_number stats operations)
	[ "${seen:-x}" = 0 ] || {
		show out err
		die "${seen:-no number of} operations counted in a process that stood still"
	}
	kill -CONT "$go_target"
	kill -STOP "$go_other"
	watch_longer saw_operations "$@" maprace watch -p "$go_target" --json
	kill -CONT "$go_other"
	go_stop target
	go_stop other
}

# watch_killed PROGRAM: maprace dies without a chance to clean up, once at rest and then while a hit is measured, with probes coming
# and going; the program goes on, and (the runner looks) nothing stays, nor does the kernel complain
watch_killed()
{
	local status ready
	go_start target "$1"
	for ready in attached measuring measuring measuring; do
		status=0
		maprace watch -p "$go_target" -d 120 --json --panics >out 2>err &
		wait_for "$start_bound" "$ready" || {
			show err
			die "not $ready in $start_bound s"
		}
		kill -KILL $!
		wait $! 2>/dev/null || status=$?
		[ "$status" -eq 137 ] || die "maprace ended with $status before it was killed"
		wait_for 10 detached || die "programs are still there 10 s after the kill"
		wait_for 10 measured || die "what measures is still there 10 s after the kill"
	done
	go_stop target
}

measuring()
{
	pidof mr-measurer >/dev/null
}

measured()
{
	! measuring
}

# maprace has said that its probes are in place (feature probes come and go before that)
attached()
{
	has_line err '^maprace: watching process'
}

detached()
{
	[ "$(kfeatures objects | cut -d' ' -f1)" -eq 0 ]
}

# watch_dry PROGRAM: says what it would do, and attaches nothing
watch_dry()
{
	go_start target "$1"
	expect_status 0 maprace watch -p "$go_target" --dry-run
	cat out err >both
	cat both
	expect_line both "would watch process $go_target .* [1-9][0-9]* sites by (uprobe-multi|perf events)"
	go_stop target
}

# watch_refuses STATUS REGEX ARGUMENT...: one line on standard error that says why, nothing on standard output
watch_refuses()
{
	local status=$1 regex=$2
	shift 2
	expect_status "$status" maprace "$@"
	[ ! -s out ] || {
		show out
		die "standard output is not empty"
	}
	grep -vE '(hint|HINT)' err >lines || true
	[ "$(wc -l <lines)" -eq 1 ] || {
		show err
		die "not one line"
	}
	expect_line err "$regex"
}

# refused_without_privileges PROGRAM: one line that names what is missing, and the program is left alone
refused_without_privileges()
{
	go_start target "$1"
	chmod 777 .
	expect_status 1 confine -u 65534 -c none maprace watch -p "$go_target" -d 5
	expect_line err 'CAP_|root|privilege|permission|Permission'
	cat err
	go_stop target
}

saw_suspects()
{
	grep -qE '"type": *"suspect"' out
}

# watch_suspects PROGRAM: the programs with the code for suspects in them pass the verifier; they find some
watch_suspects()
{
	go_start target "$1"
	watch_longer saw_suspects maprace watch -p "$go_target" --suspects --window 1s --json
	go_stop target
	echo "$(grep -c '"type": *"suspect"' out) suspects in $(json_number stats operations) operations"
}

# saw_growths: one from begin to end, and who paid
saw_growths()
{
	json_lines growth >growths || return 1
	grep -qE '"began_s": *[0-9.]+, *"ended_s": *[0-9.]+' growths && grep -q 'main[.](\*shelf)[.]put' growths
}

# watch_growth PROGRAM: the programs with the code for growth in them pass the verifier; growths are seen from begin to end
watch_growth()
{
	go_start target "$1"
	watch_longer saw_growths maprace watch -p "$go_target" --growth --budget 100 --json
	go_stop target
	echo "$(wc -l <growths) growths"
}

# saw_panics: all recovered, where that was; of each goroutine's last one it may not be seen any more
saw_panics()
{
	json_lines panic >panics || return 1
	[ "$(wc -l <panics)" -eq 1 ] && grep -q '"value_type": *"[*]errors[.]errorString"' panics && grep -q '"recovered_in": *"main[.]try"' panics &&
		grep -qE '"recovered": *[1-9][0-9]*, *"repanicked": *0, *"replaced": *0, *"goexit": *0, *"died": *0, *"unknown": *[0-4],? *' panics
}

# watch_panics PROGRAM: the place where it panics is seen, and what becomes of that
watch_panics()
{
	go_start target "$1"
	watch_longer saw_panics maprace watch -p "$go_target" --panics --budget 100 --json
	go_stop target
	fact panics "$(grep -oE '"count": *[0-9]+' panics | head -n 1)"
}

# watch_budget PROGRAM: what the verifier had to look at stays near what guest/verified.tsv says
watch_budget()
{
	go_start target "$1"
	maprace watch -p "$go_target" -d 120 --json --panics >out 2>err &
	wait_for "$start_bound" attached || {
		show err
		die "not attached in $start_bound s"
	}
	kfeatures programs | grep '^maprace_' >loaded || die "no program of maprace is loaded"
	kill -TERM $!
	wait $! || true
	while read -r name looked has; do
		[ "$looked" -gt 0 ] || looked="untold"
		fact "verifier:$name" "$looked instructions walked of a program of $has"
	done <loaded
	awk -v release="$(uname -r)" '
		/^#/ { next }
		NR == FNR { if (index(release, $1 ".") == 1) budget[$2] = $3; next }
		{
			n = $2 ? $2 : $3
			if (!($1 in budget)) { print $1 ": not in guest/verified.tsv, has " n; bad = 1 }
			else if (n > budget[$1] * 1.2) { print $1 ": " n ", more than 20 % above its budget of " budget[$1]; bad = 1 }
			else print $1 ": " n " of " budget[$1]
		}
		END { exit bad }' /vm/guest/verified.tsv loaded || die "over the budget"
	go_stop target
}
