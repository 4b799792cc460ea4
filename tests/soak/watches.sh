#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# One watch of a soak: its options, how it ends, and what it says and leaves. Sourced by soak.sh.
# shellcheck disable=SC2154,SC2034  # its variables

# draw_options: sets options and document
draw_options()
{
	options=() document=$work/out.$watches.json
	one_of '' '' --budget=5 --budget=50 --budget=100
	[[ $way != attacher ]] || drawn=--budget=100 # while probes change, an attacher that is killed may leave some: docs/limits.md
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

# all probes are gone from targets of our own while it sleeps for longer than its attacher has patience
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
	attacher | measurer)
		for child in $(pgrep -P "$watcher" -x "mr-$way"); do
			echo "mr-$way:$child" >>"$run/killed"
			strike KILL "$child"
			event watch "$way-killed"
		done
		[[ $way == attacher ]] || strike INT "$watcher"
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

# ended_early FILE: the attacher was killed, or nobody read, or a target had gone or become another program while maprace came
ended_early()
{
	local pid
	[[ $way != attacher && $way != pipe ]] || return 0
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
	((drawn == 0)) && [[ $way != attacher && $way != longstop ]] || wait_until 30 begun || failure stuck "watch $watches does not begin"
	until_then "$length"
	maprace_end
	maprace_judge
	nothing_left
}
