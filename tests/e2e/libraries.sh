# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of lifecycle.sh
# Cases of lifecycle.sh, which has what they call: Go libraries (-buildmode=c-shared) in programs that are not Go.

python=(/usr/bin/python3 "$e2e_dir/programs/loader.py")

library()
{
	echo "$e2e_build/$1-cshared/library"
}

# start_loader PROGRAM...: what is written to descriptor 9 is what it reads; what runs in the background has no input else
start_loader()
{
	open_input
	# shellcheck disable=SC2016
	start_target sh -c 'exec "$@" <&9' sh "$@"
}

open_input()
{
	rm -f "$work/input"
	mkfifo "$work/input"
	exec 9<>"$work/input"
}

# load RACY VERSION
load()
{
	echo "$1 $(library "$2")" >&9
	wait_until 5 grep -qs "^loaded $(library "$2")" "$work/target"
}

# A C program that has loaded one: its race is proved, with its own functions and lines.
life_library()
{
	start_loader "${calm[@]}" "$e2e_build/loader"
	need 'not loaded' load 1 1.24 || return 1
	watch -p "$target" -d 15 --halt-on-race
	watch_ended 20 && status_is 66 || return 1
	need 'it is not the library that was watched' document --arg library "$(library 1.24)" \
		'.targets | length == 1 and .[0].library == $library and (.[0].exe | endswith("/loader")) and (.[0].go_version | startswith("go1.24"))' ||
		return 1
	need 'other functions' document '[.races[0].accesses[].stack[].function] | index("main.one") and index("main.other")' || return 1
	need 'its code is said not to be of its file' document 'all(.stats.caveats[]; .code != "text-remapped")' || return 1
	need 'the target is gone' kill -0 "$target"
}

# It goes on without its first thread: not watched any more, but not ended either.
life_leaderless()
{
	start_loader "${calm[@]}" "$e2e_build/loader"
	need 'not loaded' load 0 1.24 || return 1
	watch -p "$target" -d 30
	need 'not watched' wait_until 10 watching || return 1
	echo end >&9
	watch_ended 10 || return 1
	need 'not said' grep -q "process $target goes on without its first thread" "$work/stderr" || return 1
	need 'the target is gone' kill -0 "$target"
}

# Two in one process, of different versions: the second is loaded while the first is watched, a third one cannot be watched. Each
# has maps of its own.
life_libraries()
{
	[[ -x ${python[0]} ]] || { why='SKIP no python3' && return 1; }
	start_loader "${python[@]}"
	need 'not loaded' load 0 1.19 || return 1
	watch -p "$target"
	need 'not watched' wait_until 10 watching || return 1
	need 'not loaded' load 0 1.27 || return 1
	need 'the second one is not found' wait_until 10 grep -qs "watching .*$(library 1.27)" "$work/stderr" || return 1
	sleep 0.5
	kill -INT "$watcher"
	watch_ended 5 && status_is 0 || return 1
	need 'not both' document '[.targets[] | .go_version[:6]] == ["go1.19", "go1.27"]' || return 1
	need 'when it came is not told' document '.targets | (.[0] | has("watched_from_s") | not) and .[1].watched_from_s > 0' || return 1
	need 'that is not in the summary' grep -q "Watched from .*: $(library 1.27)" "$work/stderr" || return 1
	need 'maps of both' document '[.maps[] | select(.goroutines == 2 and .writes > 10)] | length == 2' || return 1
	need 'the target is gone' kill -0 "$target"
}

# A command that is no Go program is let go, and watched from when it has loaded one. Its name is gone by then.
life_library_command()
{
	local dir
	[[ -x ${python[0]} ]] || { why='SKIP no python3' && return 1; }
	dir=$(mktemp -d)
	cp "$(library 1.24)" "$dir/copy.so"
	open_input
	watch -d 2 -- "${python[@]}" "$work/input"
	sleep 0.5
	echo "0 $dir/copy.so" >&9
	wait_until 5 grep -qs '^loaded' "$work/stdout" || true
	rm -r "$dir"
	watch_ended 15 && status_is 0 || return 1
	need 'not the library' document '.targets | length == 1 and (.[0].library | contains("/copy.so")) and .[0].watched_from_s > 0.3' || return 1
	need 'its operations were not seen' document '.stats.writes > 100'
}

# A command that becomes a Go program.
life_library_exec()
{
	watch -d 2 -- /bin/sh -c "sleep 0.2; exec $(program 1.24 clean_mutex)"
	watch_ended 15 && status_is 0 || return 1
	need 'not the program' document '.targets | length == 1 and (.[0].exe | endswith("clean_mutex")) and (.[0] | has("library") | not)' || return 1
	need 'its operations were not seen' document '.stats.writes > 100'
}

# start_plugger ARG...: with a copy of the plugin, in the folder $jail
start_plugger()
{
	jail=$work/jail
	mkdir -p "$jail/lib"
	cp "$e2e_build/1.24-plugin/plugged" "$jail/lib/plugged.so"
	start_target "${calm[@]}" "$e2e_build/1.24/plugger" "$@"
}

plugin_is_watched()
{
	watch -p "$target" -d 15 --halt-on-race
	watch_ended 20 && status_is 66 || return 1
	need 'not its race' document '[.races[0].accesses[].stack[].function] | any(contains(".one")) and any(contains(".other"))' || return 1
	need 'it is said not to be watched' document 'all(.stats.caveats[]; .code != "plugins")'
}

# A plugin whose file was removed, or replaced, when it was loaded.
life_plugin_removed()
{
	start_plugger "$work/jail/lib/plugged.so" remove
	plugin_is_watched
}

# The process has another root than maprace: the path that its maps tell of leads nowhere in there.
life_plugin_chroot()
{
	start_plugger /lib/plugged.so chroot "$work/jail"
	plugin_is_watched
}

# There it leads to another file, which nobody has loaded.
life_plugin_beside()
{
	mkdir -p "$work/jail/$work/jail/lib"
	cp "$e2e_build/1.24-plugin/plugged" "$work/jail/$work/jail/lib/plugged.so"
	start_plugger /lib/plugged.so chroot "$work/jail"
	plugin_is_watched
}

# unseen_with CAPABILITY,...: with these alone it says that it is not watched
unseen_with()
{
	local dir with_caps
	with_only "$1"
	dir=$(mktemp -d) # nobody may come into the folder of the build, perhaps
	install -m 755 "$maprace" "$dir/maprace"
	chmod 777 "$dir"
	"${with_caps[@]}" "$dir/maprace" watch -o "$dir/out.json" -p "$target" -d 3 >"$work/stdout" 2>"$work/stderr" &
	watcher=$!
	watch_ended 20 || return 1
	mv "$dir/out.json" "$work"
	rm -r "$dir"
	[[ $status != 1 ]] || ! grep -q 'lack' "$work/stderr" || { why='SKIP more rights are needed here' && return 1; }
	need 'it is not said' document 'any(.stats.caveats[]; .code == "plugins")' || return 1
	need 'not which one' grep -q "map operations in .*/plugged.so are not watched" "$work/stderr"
}

# By one who may not follow the kernel's link to it.
life_plugin_unseen()
{
	start_plugger "$work/jail/lib/plugged.so" remove
	unseen_with bpf,perfmon,sys_ptrace,dac_override
}

# By one who may not read it.
life_plugin_unreadable()
{
	start_plugger "$work/jail/lib/plugged.so"
	chmod 700 "$work/jail/lib/plugged.so"
	unseen_with bpf,perfmon,sys_ptrace
}

libraries_build()
{
	local version
	build_program 1.24-plugin "$e2e_dir/programs/plugged.go"
	build_program 1.24 "$e2e_dir/programs/plugger.go"
	for version in 1.19 1.24 1.27; do
		build_program "$version-cshared" "$e2e_dir/programs/library.go"
	done
	[[ $e2e_build/loader -nt $e2e_dir/programs/loader.c ]] || ${CC:-cc} -O -Wall -o "$e2e_build/loader" "$e2e_dir/programs/loader.c" -ldl -lpthread
}
