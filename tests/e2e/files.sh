# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of lifecycle.sh
# Cases of lifecycle.sh, which has what they call: what becomes of a target's file, once it runs or has ended.

life_deleted()
{
	cp "$(program 1.24 race_read_write)" "$work/gone"
	start_target "${calm[@]}" "$work/gone"
	rm "$work/gone"
	watch -p "$target" -d 15 --halt-on-race
	watch_ended 20 && status_is 66 && right_lines race_read_write
}

# the file at the path is another program now
life_replaced()
{
	cp "$(program 1.24 race_read_write)" "$work/changed"
	start_target "${calm[@]}" "$work/changed"
	cp "$(program 1.19 sleeper)" "$work/new"
	mv "$work/new" "$work/changed"
	watch -p "$target" -d 15 --halt-on-race
	watch_ended 20 && status_is 66 && right_lines race_read_write || return 1
	rm -f "$work/changed"
}

write_over() # WITH FILE
{
	cat "$1" 2>/dev/null >"$2"
} 2>/dev/null

# written_over HOW: of a program that races while maprace stands still, and ends; before its names are asked for its file is written
# over, or replaced, and touched. Once more where no race was proved: on a busy machine the other goroutine may not get to run.
written_over()
{
	local tries
	mkdir -p "$work/files"
	for tries in 1 2 3 4 5; do
		rm -f "$work/files"/*
		cp "$(program 1.24 rewritten)" "$work/files/rewritten"
		LC_ALL=C sed 's/alpha/omega/g' "$work/files/rewritten" >"$work/files/other"
		start_target "$work/files/rewritten"
		watch -p "$target" --budget 50
		need 'not attached' attached "$target" && need 'it does not watch' wait_until 10 watching || return 1
		kill -STOP "$watcher"
		kill -USR1 "$target"
		need 'it does not end' wait_until 10 gone "$target" || return 1
		# maprace may have been stopped in the middle of a read of its memory: then it is busy for as long
		if [[ $1 == over ]] && ! wait_until 2 write_over "$work/files/other" "$work/files/rewritten"; then
			kill -CONT "$watcher"
			watch_ended 10 || return 1
			continue
		elif [[ $1 != over ]]; then
			ln "$work/files/rewritten" "$work/files/kept"
			mv "$work/files/other" "$work/files/rewritten"
			touch "$work/files/kept"
		fi
		kill -CONT "$watcher"
		watch_ended 10 || return 1
		((status == 0)) || break
	done
	status_is 66
}

# Nothing of the program that lies there then is taken for the first one's. A name that its file loses does no harm.
life_written_over()
{
	written_over over || return 1
	need 'names of another program' test -z "$(grep -l omega "$work"/{out.json,stdout,stderr})" &&
		need 'what is not known is told' document '[.races[] | .map.type, .map.global // ""] | all(. == "")' &&
		need 'other frames' document '[.races[0].accesses[] | .stack | map(select(.runtime | not))[0] | .function] | unique == ["?"]' &&
		need 'not said' document 'any(.stats.caveats[]; .code == "file-written" and .blind == false)' || return 1
	written_over moved || return 1
	need 'names of another program' test -z "$(grep -l omega "$work"/{out.json,stdout,stderr})" &&
		need 'what is known is not told' document '[.races[].map.type] | unique == ["map[main.alphaKey]int"]' &&
		need 'other frames' document '[.races[0].accesses[].stack[].function] | any(. == "main.alphaPut")' &&
		need 'not so' document 'all(.stats.caveats[]; .code != "file-written")'
}
