#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A soak: targets come and go, maprace comes and goes, and everything is killed at random. Then: no probe is left, memory is flat, no
# target was harmed, no clean one reported, and the kernel has not warned.
#
# usage: tests/soak/soak.sh [SECONDS [SEED]]        (600 seconds; what is drawn by lot follows from the seed, which is printed)
#   SOAK_SLOTS=2   how many sessions at once: each has one to three targets of its own, which are watched again and again
#   SOAK_CPU=35    what all this may use of one CPU, in percent: sessions wait for that in between
# Needs root. Says a line a minute. What failed is kept in build/soak/SEED/kept. Status 1 when anything did.
set -euo pipefail
export LC_ALL=C

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
seconds=${1:-600}
seed=${2:-$((${EPOCHREALTIME/./} / 1000 % 1000000))}
slots=${SOAK_SLOTS:-2}
cpu=${SOAK_CPU:-35}
[[ $seconds =~ ^[1-9][0-9]*$ && $seed =~ ^[0-9]+$ ]] || e2e_die "usage: soak.sh [SECONDS [SEED]]"
((EUID == 0)) || e2e_die "needs root"
run=$e2e_top/build/soak/$seed
bpftool=${BPFTOOL:-/usr/sbin/bpftool}
renice -n 10 $$ >/dev/null
exec {nap_fd}<> <(:)

clean_builds=(1.19-stripped 1.23-stripped 1.24-stripped 1.27-stripped 1.24 1.27-pie 1.24-external 1.23-race)
racy_kinds=(1.19-stripped/race_write_write 1.23-stripped/race_read_write 1.24-stripped/race_iterate_write 1.27-stripped/race_write_write)
ways=(duration duration int int term term kill kill kill keeper measurer stop stop longstop pipe both)

# ---- small things ----------------------------------------------------------------------------------------------------

nap() # SECONDS: without a process
{
	read -rt "$1" -u "$nap_fd" || true
}

# as the library's, but gentle: there is time
wait_until()
{
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < deadline)) || return 1
		nap 0.2
	done
}

lot() # N: sets `drawn` to 0 to N - 1
{
	drawn=$((RANDOM % $1))
}

one_of() # WORD...: sets `drawn`
{
	lot $#
	shift "$drawn"
	drawn=$1
}

elapsed()
{
	echo $((${EPOCHREALTIME/./} / 1000000 - began))
}

event() # KIND [DETAIL...]
{
	echo "$*" >>"$run/events"
}

count() # KIND [DETAIL]
{
	grep -c "^$*\( \|$\)" "$run/events" || true
}

# failure KIND WHY: kinds are false harm left stuck crash memory kernel
failure()
{
	event "FAILED $1" "${work##*/}: $2"
	echo "$(elapsed) s: FAILED ($1), ${work##*/}: $2"
	touch "$work/failed"
}

# strike SIGNAL PID: when it is one of ours still
strike()
{
	local exe
	exe=$(readlink "/proc/$2/exe" 2>/dev/null) || return 0
	[[ $exe != "$e2e_build"/* && $exe != "$run"/* ]] || kill -"$1" "$2" 2>/dev/null || true
}

no_maprace() # BINARY: nor a keeper of it, nor what measures
{
	! pgrep -f "^$1 " >/dev/null
}

clean_text() # PID
{
	gone "$1" || text_same "$1"
}

# ---- targets ---------------------------------------------------------------------------------------------------------

# draw_program: sets program (a path below build/e2e) and racy
draw_program()
{
	lot 3
	racy=
	if ((drawn == 0)); then
		one_of "${racy_kinds[@]}"
		program=$drawn racy=yes
	else
		one_of "${clean_builds[@]}"
		program=$drawn/steady
	fi
}

draw_life() # sets life: 2 to 60 s, rather short ones
{
	life=$((2 + RANDOM * RANDOM / 18512790))
}

# target_begin N: its fate is drawn: its own end, SIGTERM, SIGKILL, or another program that it becomes
target_begin()
{
	local how arg rest becomes=() file=$work/target.$1
	draw_program
	draw_life
	one_of own own term kill exec
	how=$drawn arg=$life
	[[ -z $racy || $how != exec ]] || how=term
	[[ $how == own || $how == exec ]] || arg=$((life + 60))
	one_of 10ms 40ms 40ms 100ms
	rest=$drawn
	[[ $program != *-race/* ]] || rest=100ms
	if [[ $how == exec ]]; then
		one_of "${clean_builds[@]}"
		becomes=("$e2e_build/$drawn/steady" "$((life / 2 + 1))" 60ms)
		arg=$((life + 60))
	fi
	E2E_PERIOD=10ms "$e2e_build/$program" "$arg" "$rest" "${becomes[@]}" >"$file" 2>&1 &
	pids+=($!) programs+=("$program") racies+=("$racy") ends+=("$how")
	echo "$! $program $how $life" >>"$work/log"
	event started
	[[ -z $racy ]] || has_racy=yes
	wait_until 20 grep -qs '^ready' "$file" || gone "$!" || failure stuck "$program is not ready"
	case $how in
	term) end_later "$life" TERM "${pids[-1]}" ;;
	kill) end_later "$life" KILL "${pids[-1]}" ;;
	exec) end_later "$((life / 2 + 1))" USR2 "${pids[-1]}" ;;
	esac
}

end_later() # SECONDS SIGNAL PID
{
	(
		nap "$1"
		strike "$2" "$3"
	) &
	killers+=($!)
}

# target_judge N: after its end
target_judge()
{
	local status=0 file=$work/target.$1 what="${programs[$1]} (process ${pids[$1]}, ${ends[$1]})"
	wait "${pids[$1]}" 2>/dev/null || status=$?
	if [[ ${ends[$1]} == *kill* ]] && ((status == 137)); then
		event ended killed
	elif ((status == 0)) && unharmed "$file"; then
		event ended "${ends[$1]}"
	elif [[ -n ${racies[$1]} ]] && ((status == 2)) && grep -aqs '^fatal error: concurrent map' "$file"; then
		event ended race
	else
		failure harm "$what ended with status $status"
	fi
	if [[ ${ends[$1]} == exec ]] && (($(grep -c '^ready' "$file") != 2)); then
		failure harm "$what did not become another program"
	fi
}

alive() # sets `living`, the numbers of this session's targets that are
{
	local i
	living=()
	for i in "${!pids[@]}"; do
		gone "${pids[i]}" || living+=("$i")
	done
}

# ---- one watch -------------------------------------------------------------------------------------------------------

# draw_options: sets options and document
draw_options()
{
	options=() document=$work/out.$watches.json
	one_of '' '' --budget=5 --budget=50 --budget=100
	[[ $way != keeper ]] || drawn=--budget=100 # while probes change, a keeper that is killed may leave some: docs/limits.md
	options+=(${drawn:+"$drawn"})
	one_of '' '' '' --max-hold=0 --max-hold=100us --max-hold=10ms
	options+=(${drawn:+"$drawn"})
	one_of '' '' --growth
	options+=(${drawn:+"$drawn"})
	one_of '' '' --suspects
	options+=(${drawn:+"$drawn"})
	one_of '' '' --json
	options+=(${drawn:+"$drawn"})
	one_of "--record=$work/record.$watches.mrec" "--output=$work/out.$watches.html" '' ''
	options+=(${drawn:+"$drawn"})
	one_of yes yes yes ''
	[[ -n $drawn ]] && options+=("--output=$document") || document=
	one_of '' '' '' uprobe-multi
	without=$drawn
}

# maprace_begin ARG...: as $watcher
maprace_begin()
{
	local out=$work/stdout.$watches err=$work/stderr.$watches
	: >"$out"
	if [[ $way == pipe ]]; then
		MAPRACE_WITHOUT=$without "$mine" watch "${options[@]}" "$@" > >(nap "$length") 2>"$err" &
	else
		MAPRACE_WITHOUT=$without E2E_PERIOD=10ms "$mine" watch "${options[@]}" "$@" >"$out" 2>"$err" &
	fi
	watcher=$!
	echo "watch $watches: $way after $length s, MAPRACE_WITHOUT=$without ${options[*]} $*" >>"$work/log"
	event watch "$way"
}

begun()
{
	gone "$watcher" || grep -qs '^maprace: watching' "$work/stderr.$watches"
}

# all probes are gone from targets of our own while it sleeps for longer than its keeper has patience
sleeps_long()
{
	local i
	strike STOP "$watcher"
	nap 13
	for i in "${watched[@]}"; do
		wait_until 40 clean_text "$i" || failure left "a probe in $i while maprace is stopped"
	done
	strike CONT "$watcher"
	nap 1
}

# maprace_end: in the way that was drawn; for `both` the targets too
maprace_end()
{
	local i child
	case $way in
	duration) return ;;
	int | pipe) strike INT "$watcher" ;;
	term) strike TERM "$watcher" ;;
	kill) strike KILL "$watcher" ;;
	keeper | measurer)
		for child in $(pgrep -P "$watcher" -x "mr-$way"); do
			strike KILL "$child"
			event watch "$way-killed"
		done
		[[ $way == keeper ]] || strike INT "$watcher"
		;;
	stop)
		strike STOP "$watcher"
		nap "$((length % 3)).5"
		strike CONT "$watcher"
		nap 0.5
		strike INT "$watcher"
		;;
	longstop)
		sleeps_long
		strike INT "$watcher"
		;;
	both)
		for i in "${living[@]}"; do
			[[ -z ${pids[i]:-} ]] || ends[i]+=' kill'
		done
		for i in "${watched[@]}"; do strike KILL "$i" & done
		strike KILL "$watcher"
		;;
	esac
}

# The statuses that a watch may have: those of the program that it started, besides its own.
maprace_judge()
{
	local status=0 what="watch $watches ($way)" err=$work/stderr.$watches
	if ! wait_until 60 gone "$watcher"; then
		failure stuck "$what does not end"
		strike KILL "$watcher"
	fi
	wait "$watcher" 2>/dev/null || status=$?
	echo "watch $watches: status $status" >>"$work/log"
	case $status in
	0) ;;
	66) event reported ;;
	137) [[ $way == kill || $way == both || -n $command ]] || failure crash "$what was killed" ;;
	1) ended_early "$err" || failure crash "$what: status 1: $(grep error: "$err" || true)" ;;
	2) [[ -n $command && -n $has_racy ]] || ended_early "$err" || failure crash "$what: status 2: $(grep error: "$err" || true)" ;;
	*) failure crash "$what: status $status" ;;
	esac
	judge_reports "$status" "$what"
}

# ended_early FILE: the keeper was killed, or nobody read, or a target had gone or become another program while maprace came
ended_early()
{
	local pid
	[[ $way != keeper && $way != pipe ]] || return 0
	for pid in "${watched[@]}"; do
		! gone "$pid" || ! grep -q "^maprace: error: .*\(\<$pid\>\|ESRCH\)" "$1" || return 0
	done
	grep -q 'runs another program\|not watched any more' "$1"
}

# judge_reports STATUS WHAT: none about a clean program
judge_reports()
{
	local pid n
	if [[ -z $has_racy ]]; then
		if (($1 == 66)) || grep -aqs '(proven)\|^{"type": *"race"' "$work/stdout.$watches"; then
			failure false "$2 reports clean programs"
		fi
		return 0
	fi
	[[ -n $document && -s $document ]] || return 0
	for pid in $(jq '.races[].pid' "$document"); do
		event race
		for n in "${!pids[@]}"; do
			[[ ${pids[n]} != "$pid" || -n ${racies[n]} ]] || failure false "$2 reports ${programs[n]}, process $pid"
		done
		[[ $pid != "$shared" ]] || failure false "$2 reports the shared target"
	done
}

# nothing of it is left: no process, no probe in the targets of our own
nothing_left()
{
	local pid
	wait_until 60 no_maprace "$mine" || failure left "a process of watch $watches ($way): $(pgrep -af "^$mine " | tr '\n' ';')"
	for pid in "${watched[@]}"; do
		wait_until 20 clean_text "$pid" || failure left "a probe in process $pid after watch $watches ($way)"
	done
}

# after its own end at the latest
watch_length()
{
	one_of 0 1 1 2 3 5 8 15
	length=$drawn
}

until_then() # SECONDS: or until maprace ends
{
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
	while ((${EPOCHREALTIME/./} < deadline)) && ! gone "$watcher"; do nap 0.25; done
}

draw_way()
{
	one_of "${ways[@]}"
	way=$drawn
	lot 3
	[[ $way != longstop ]] || ((drawn == 0)) || way=stop
	watch_length
	draw_options
	[[ $way != duration ]] || options+=(-d "$((length + 1))")
}

# watch_pids: some of the living targets, and perhaps the one that all sessions share
watch_pids()
{
	local list='' i
	watches=$((watches + 1))
	draw_way
	watched=()
	for i in "${living[@]}"; do
		lot 4
		if ((drawn > 0)) || [[ -z $list ]]; then
			watched+=("${pids[i]}")
			list+=${list:+,}${pids[i]}
		fi
	done
	lot 4
	((drawn)) || list+=,$shared
	# both: only those that are watched are killed
	if [[ $way == both ]]; then
		for i in "${!living[@]}"; do
			[[ ,$list, == *,${pids[${living[i]}]},* ]] || unset "living[$i]"
		done
	fi
	maprace_begin -p "$list"
	# now and then it is ended while it attaches
	lot 5
	((drawn == 0)) && [[ $way != keeper && $way != longstop ]] || wait_until 30 begun || failure stuck "watch $watches does not begin"
	until_then "$length"
	maprace_end
	maprace_judge
	nothing_left
}

# ---- sessions --------------------------------------------------------------------------------------------------------

session_pids()
{
	local n i
	lot 3
	n=$((drawn + 1))
	for ((i = 0; i < n; i++)); do target_begin "$i"; done
	alive
	while ((${#living[@]})); do
		if [[ -e $run/pause ]]; then
			for i in "${living[@]}"; do strike TERM "${pids[i]}"; done
			wait_until 30 none_living || failure stuck 'targets do not end'
			break
		fi
		watch_pids
		gently
		alive
	done
	for i in "${!pids[@]}"; do target_judge "$i"; done
}

none_living()
{
	alive
	((${#living[@]} == 0))
}

# the program that maprace has started, which outlives it only when maprace is killed
session_command()
{
	local out pid
	watches=1 command=yes
	draw_program
	has_racy=$racy
	draw_life
	while :; do
		draw_way
		[[ $way == pipe ]] || break # it is the program's output too
	done
	length=$((length < life ? length : life))
	event started
	maprace_begin -- "$e2e_build/$program" "$life" 40ms
	out=$work/stdout.1
	wait_until 30 begun || failure stuck 'maprace does not begin'
	until_then "$length"
	watched=()
	for pid in $(pgrep -P "$watcher" -f "^$e2e_build/"); do watched+=("$pid"); done
	maprace_end
	maprace_judge
	nothing_left
	for pid in "${watched[@]}"; do
		wait_until $((life + 30)) gone "$pid" || { failure stuck "$program does not end" && strike KILL "$pid"; }
	done
	if [[ $way == both ]]; then
		event ended killed
	elif grep -aq '^ok [1-9][0-9]* operations' "$out"; then
		event ended "command-$way"
	elif [[ -n $racy ]] && grep -aqs '^fatal error: concurrent map' "$out" "$work/stderr.1"; then
		event ended race
	elif ! grep -aq '^ready' "$out" && [[ ${#watched[@]} == 0 ]]; then
		event ended early
	else
		failure harm "$program, started by maprace ($way), did not end well"
	fi
}

session()
{
	local pids=() programs=() racies=() ends=() killers=() living=() watched=() watches=0 command='' has_racy='' way length options document without drawn
	local program racy life watcher
	work=$run/slot$slot/$1
	mkdir -p "$work"
	lot 4
	if ((drawn == 0)); then session_command; else session_pids; fi
	kill "${killers[@]}" 2>/dev/null || true
	wait 2>/dev/null || true
	[[ ! -e $work/failed ]] || mv "$work" "$run/kept/slot$slot-$1"
	rm -rf "$work"
}

# what this slot has used, against what it may
gently()
{
	local stat used due
	while :; do
		read -r -a stat <"/proc/$BASHPID/stat"
		used=$((stat[13] + stat[14] + stat[15] + stat[16])) # of a hundredth of a second
		due=$((used * 100 * slots / (cpu > 10 ? cpu - 8 : 2) / 100)) # the shared ones take some
		(($(elapsed) - slot_began < due)) || return 0
		[[ ! -e $run/pause ]] || return 0
		nap 1
	done
}

slot_run() # SLOT
{
	local n=0 slot_began
	slot=$1
	mine=$run/bin/$slot/maprace
	slot_began=$(elapsed)
	mkdir -p "${mine%/*}"
	cp "$maprace" "$mine"
	trap 'cleanup' EXIT
	trap 'exit 0' TERM
	while [[ ! -e $run/over ]]; do
		if [[ -e $run/pause ]]; then
			touch "$run/idle.$slot"
			nap 0.5
			continue
		fi
		rm -f "$run/idle.$slot"
		n=$((n + 1))
		RANDOM=$(((seed * 31 + slot * 7919 + n * 104729) % 32768))
		session "$n"
		gently
	done
	touch "$run/idle.$slot"
}

# ---- all are at rest -------------------------------------------------------------------------------------------------

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

rss() # of the long watch and its keeper, kB
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

# lines that name a process of somebody else, who does such things on purpose, or has its own trouble: listed, not counted
kernel_ours()
{
	kernel_log | grep -v '\(segfault\|trap int3\|trap invalid opcode\|general protection\).* ip:' || true
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
		"kernel warnings $(kernel_ours | wc -l)"
}

# ---- the whole -------------------------------------------------------------------------------------------------------

soak_build()
{
	local build sources=$e2e_build/soak
	# go build wants them in one folder
	mkdir -p "$sources"
	cp -pu "$e2e_top/tests/soak/programs/steady.go" "$e2e_dir/cases/harness.go" "$sources"
	for build in "${clean_builds[@]}"; do
		build_program "$build" "$sources/steady.go" "$sources/harness.go"
	done
	for build in "${racy_kinds[@]}"; do
		build_case "${build%/*}" "${build#*/}"
	done
}

long_begin()
{
	mkdir -p "$run/bin/long"
	cp "$maprace" "$run/bin/long/maprace"
	"$e2e_build/1.24-stripped/steady" 1000000 50ms >"$run/long" 2>&1 &
	long_target=$!
	"$e2e_build/1.27-stripped/steady" 1000000 50ms >"$run/shared" 2>&1 &
	shared=$!
	wait_until 20 grep -q '^ready' "$run/long" || e2e_die 'the long target does not start'
	wait_until 20 grep -q '^ready' "$run/shared" || e2e_die 'the shared target does not start'
	gauge "$long_target" "$run/long" && long_ps=$picoseconds
	gauge "$shared" "$run/shared" && shared_ps=$picoseconds
	"$run/bin/long/maprace" watch -p "$long_target" -o "$run/long.json" --growth --suspects >"$run/long.out" 2>"$run/long.err" &
	long=$!
	wait_until 30 grep -qs '^maprace: watching' "$run/long.err" || e2e_die 'the long watch does not begin'
	# what looks for probes does see them
	wait_until 10 text_differs "$long_target" || e2e_die 'no probe is seen in the target of the long watch'
}

long_end()
{
	local status=0 kb
	work=$run/long-watch
	kb=$(rss)
	echo "long watch: $rss_quarter kB after a quarter, $kb kB at the end"
	((kb <= rss_quarter + (rss_quarter / 10 > 1024 ? rss_quarter / 10 : 1024))) || failure memory "the long watch had $rss_quarter kB, has $kb"
	if gone "$long"; then failure crash 'the long watch has ended'; else kill -INT "$long"; fi
	wait_until 60 gone "$long" || { failure stuck 'the long watch does not end' && kill -KILL "$long"; }
	wait "$long" 2>/dev/null || status=$?
	((status == 0)) || failure "$( ((status == 66)) && echo false || echo crash)" "the long watch ended with status $status"
	jq -e '.races == [] and .stats.operations > 0' "$run/long.json" >/dev/null || failure false 'the long watch has a race, or no operations'
	wait_until 60 no_maprace "$run/bin/long/maprace" || failure left 'a process of the long watch'
	wait_until 20 clean_text "$long_target" || failure left 'a probe in the target of the long watch'
	wait_until 60 no_orphans || failure left "in the kernel: $(orphans | tr '\n' ' ')"
	gauge "$long_target" "$run/long"
	echo "its target: an operation takes $picoseconds ps, before $long_ps"
	((picoseconds <= long_ps * 2 + 20000)) || failure harm "an operation takes $picoseconds ps, before $long_ps"
	long_targets_end
}

long_targets_end()
{
	local pid status
	kill -TERM "$long_target" "$shared" || true
	for pid in "$long_target:long" "$shared:shared"; do
		status=0
		wait_until 30 gone "${pid%:*}" || kill -KILL "${pid%:*}"
		wait "${pid%:*}" 2>/dev/null || status=$?
		((status == 0)) || echo 'not ok' >>"$run/${pid#*:}"
		tail -1 "$run/${pid#*:}" | grep -q '^ok [1-9][0-9]* operations$' || failure harm "the ${pid#*:} target ended with status $status: $(tail -1 "$run/${pid#*:}")"
	done
}

soak()
{
	local slot slot_pids=() next_minute=60 next_settle t rss_quarter='' every=300
	((seconds >= 900)) || every=$((seconds / 2))
	next_settle=$every
	for ((slot = 1; slot <= slots; slot++)); do
		slot_run "$slot" 2>"$run/slot$slot.err" &
		slot_pids+=($!)
	done
	while t=$(elapsed) && ((t < seconds)); do
		nap 1
		[[ -n $rss_quarter ]] || ((t < seconds / 4)) || rss_quarter=$(rss)
		((t < next_minute)) || { minute && next_minute=$((t + 60)); }
		((t < next_settle || t > seconds - 60)) || { settle && next_settle=$(($(elapsed) + every)); }
	done
	settle
	touch "$run/over"
	minute
	long_end
	wait_until 30 slots_over || failure stuck 'a session does not end'
	work=$run/kernel
	if [[ -n $(kernel_log) ]]; then
		echo "the kernel said (the whole of it is in ${run#"$e2e_top"/}/dmesg):"
		kernel_log
		dmesg >"$run/dmesg"
	fi
	[[ -z $(kernel_ours) ]] || failure kernel "$(kernel_ours | wc -l) warnings of the kernel"
}

slots_over()
{
	local pid
	for pid in "${slot_pids[@]}"; do gone "$pid" || return 1; done
}

# of one CPU, by all that we waited for
cpu_percent()
{
	local stat
	read -r -a stat <"/proc/$$/stat"
	echo $(((stat[13] + stat[14] + stat[15] + stat[16]) / $(elapsed)))
}

rm -rf "$run"
mkdir -p "$run/kept" "$run/settle" "$run/long-watch" "$run/kernel"
: >"$run/events"
soak_build
dmesg_from=$(cut -d' ' -f1 /proc/uptime)
slab_before=$(awk '/^SUnreclaim/ { print $2 }' /proc/meminfo)
began=$((${EPOCHREALTIME/./} / 1000000))
work=$run
trap 'exit 130' INT TERM
echo "soak: $seconds s, seed $seed, $slots sessions at once, $("$maprace" --version), Linux $(uname -r); $(memory)"
long_begin
soak
n=$(grep -c '^FAILED' "$run/events" || true)
echo "CPU used: $(cpu_percent) % of one"
if ((n)); then
	sed -n 's/^FAILED //p' "$run/events"
	echo "soak: FAILED, $n failures (seed $seed); see ${run#"$e2e_top"/}"
	exit 1
fi
echo "soak: passed, seed $seed: $(count started) targets, $(count watch) watches"
