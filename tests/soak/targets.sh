#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The targets of a soak: which programs, how they end, and whether they were harmed. Sourced by soak.sh.
# shellcheck disable=SC2154,SC2034  # its variables

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
