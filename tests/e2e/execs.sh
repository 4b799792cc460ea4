# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of lifecycle.sh
# Cases of lifecycle.sh, which has what they call: targets that become another program, or their own anew.

life_execs()
{
	start_target "$(program 1.24 execer)" "$(program 1.24 clean_mutex)" 3
	watch -p "$target" -d 5
	need 'not attached' attached "$target" || return 1
	kill -USR2 "$target"
	watch_ended 10 && status_is 0 || return 1
	need 'the program that it became was harmed' wait_until 5 unharmed "$work/target"
}

# The same file anew: its code may be elsewhere, and nothing that was known of its memory is true any more.
life_execs_itself()
{
	local kind
	for kind in stripped pie; do
		start_target "$e2e_build/1.24-$kind/execer" "$e2e_build/1.24-$kind/execer" on
		watch -p "$target" -d 15
		need 'not attached' attached "$target" && need 'it does not watch' wait_until 10 watching || return 1
		kill -USR2 "$target"
		watch_ended 10 && status_is 0 || return 1
		need "$kind: nothing said" grep -q "process $target runs another program now, or its own anew: it is not watched any more" "$work/stderr" || return 1
		need "$kind: a probe stays behind" wait_until 2 text_same "$target" || return 1
		need "$kind: the target was harmed" stop_target || return 1
	done
}

# Of two one goes on unwatched: the report says so.
life_execs_one_of_two()
{
	local first
	start_target "$(program 1.24 clean_mutex)" 60
	first=$target
	start_target "$(program 1.24 execer)" again
	watch -p "$first,$target" -d 4
	need 'not attached' attached "$target" && need 'it does not watch' wait_until 10 watching || return 1
	kill -USR2 "$target"
	watch_ended 15 && status_is 0 || return 1
	kill -KILL "$first"
	need 'no caveat' document --argjson pid "$target" '.stats.caveats | any(.code == "cut-short" and .pid == $pid and (.blind | not))' || return 1
	need 'not of it alone' document '[.stats.caveats[] | select(.code == "cut-short")] | length == 1' || return 1
	need 'the target was harmed' stop_target
}

# So it is where addresses are not random: everything is where it was.
life_execs_in_place()
{
	local program
	program=$(program 1.24 execer)
	setarch -R true 2>/dev/null || { why='SKIP addresses cannot be fixed here' && return 1; }
	start_target setarch -R "$program" again
	watch -p "$target" -d 15
	need 'not attached' attached "$target" && need 'it does not watch' wait_until 10 watching || return 1
	sleep 1.5
	need 'taken for another program' kill -0 "$watcher" || return 1
	kill -USR2 "$target"
	watch_ended 10 && status_is 0 || return 1
	need 'nothing said' grep -q "process $target runs another program now, or its own anew: it is not watched any more" "$work/stderr" || return 1
	need 'a probe stays behind' wait_until 2 text_same "$target" || return 1
	need 'the target was harmed' stop_target
}

became() # what the target has become says so too
{
	(($(grep -c '^ready' "$work/target") == 2))
}

# A target that becomes another program, at the same path, while probes are taken away and put back all the time: until maprace sees
# that it did, a quarter of a second later, they go to the file that it was and not to the one that it is, whose code is another.
life_becomes()
{
	local i end
	mkdir "$work/bin"
	for i in {1..8}; do
		((i != 5)) || export MAPRACE_WITHOUT=uprobe-multi
		cp "$(program 1.24 execer)" "$work/bin/changing"
		start_target "$work/bin/changing" hot "$work/bin/changing" 2
		watch -p "$target" --budget 20
		need 'not attached' attached "$target" || return 1
		sleep "1.$((RANDOM % 500 + 400))" # by then they come and go
		cp "$(program 1.27 clean_mutex)" "$work/bin/new"
		mv "$work/bin/new" "$work/bin/changing"
		kill -USR2 "$target"
		need 'it did not become another program' wait_until 5 became || return 1
		end=$((${EPOCHREALTIME/./} + 400000))
		while ((${EPOCHREALTIME/./} < end)); do
			! text_differs "$target" || { why="a probe is in what it has become, round $i" && return 1; }
		done
		watch_ended 10 && status_is 0 || return 1
		need 'nothing said' grep -q "process $target runs another program now" "$work/stderr" || return 1
		need 'the program that it became was harmed' wait_until 5 unharmed "$work/target" || return 1
		target=
	done
}

# A target that becomes a shell, which writes another program over the file that it was and becomes that: to the kernel it is one
# process, and no probe of before is put into it. Who writes waits until they are gone, and not for long.
life_becomes_written_over()
{
	local i began
	mkdir "$work/bin"
	for i in 1 2 3 4; do
		((i != 4)) || export MAPRACE_WITHOUT=uprobe-multi
		rm -f "$work"/{bin/deployed,times}
		cp "$(program 1.24 leader)" "$work/bin/deployed"
		# shellcheck disable=SC2016
		start_target "$work/bin/deployed" /bin/bash -c 'echo $EPOCHREALTIME >"$2"; cat "$0" >"$1"; echo $EPOCHREALTIME >>"$2"; exec "$1" 7 300' \
			"$(program 1.19 brief)" "$work/bin/deployed" "$work/times"
		watch -p "$target" -d 20
		need 'not attached' attached "$target" && need 'it does not watch' wait_until 10 watching || return 1
		kill -USR2 "$target"
		watch_ended 10 && status_is 0 || return 1
		began=$(head -n 1 "$work/times")
		need "who wrote waited for long: $(xargs <"$work/times")" test $(($(tail -n 1 "$work/times" | tr -d .) - ${began/./})) -lt 3000000 || return 1
		status=0
		wait "$target" || status=$?
		target=
		need "what it became was harmed: status $status" test "$status" = 7 || return 1
	done
}
