#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What maprace says beside "No race found": what was not watched, and why nothing could be found.
#
# usage: tests/e2e/silence.sh [NAME]...      e.g. silence.sh one_p go_test
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

silence_names='one_p set_anew one_cpu no_holds idle stopped frozen remapped writable trapped children go_tool go_test flag_stays'

# must WHY COMMAND...: sets why when the command fails
must()
{
	why=$1
	shift
	"$@" || return 1
	why=
}

# watched STATUS ARG...: one run of maprace watch, in all formats
watched_run()
{
	local expected=$1 status=0
	shift
	timeout 60 "$maprace" watch --no-color -o "$work/out.json" -o "$work/out.xml" -o "$work/out.html" "$@" >"$work/stdout" 2>"$work/stderr" </dev/null ||
		status=$?
	must "exit status $status, not $expected" test "$status" = "$expected"
}

# nothing CODE TEXT: all formats say that no race could be proved, by this code, and a line of the summary matches
nothing()
{
	must 'the first line does not say it' grep -q '^No race found in [0-9.]*m\?s: none could be proved' "$work/stderr" || return 1
	must "no caveat like '$2'" grep -q "^  Caveat: .*$2" "$work/stderr" || return 1
	must "no caveat $1 in the document" jq -e --arg code "$1" 'any(.stats.caveats[]; .code == $code and .blind)' "$work/out.json" >"$work/jq" || return 1
	must 'JUnit says that it passed' grep -q '<skipped message="none could be proved">' "$work/out.xml" || return 1
	must 'the page does not say it' grep -q '<h1 class=unsure>No race found: none could be proved' "$work/out.html" || return 1
	must 'rendered again it does not say it' grep -q '^  Caveat: ' <("$maprace" report "$work/out.json" 2>&1)
}

warned()
{
	must "no warning like '$1'" grep -q "^maprace: warning: .*$1" "$work/stderr"
}

no_caveat()
{
	must "a caveat $1" jq -e --arg code "$1" 'all(.stats.caveats[]; .code != $code)' "$work/out.json" >"$work/jq"
}

built()
{
	echo "$e2e_build/$1/$2"
}

# The number of Ps is in the process, stripped and position-independent ones too.
silence_one_p()
{
	local build
	for build in 1.19-stripped 1.24-pie; do
		start_target env GOMAXPROCS=1 "$(built $build sleeper)"
		watched_run 0 -p "$target" -d 0.3 && warned "process $target has one P (GOMAXPROCS=1).*nothing can collide" || return 1
		nothing one-p "process $target has one P (GOMAXPROCS=1)" || return 1
		must 'inspect does not say it' grep -q 'nothing can collide' <("$maprace" inspect -p "$target") || return 1
		cleanup
	done
	GOMAXPROCS=1 watched_run 0 -d 0.7 -- "$(built 1.24-pie sleeper)" && warned 'has one P' && nothing one-p 'has one P'
}

# One that sets it by itself when it has started.
silence_set_anew()
{
	start_target env GOMAXPROCS=1 "$(built 1.24-stripped clean_mutex)" 20
	watched_run 0 -p "$target" -d 0.3 && no_caveat one-p || return 1
	must 'a warning' test "$(grep -c 'warning: .* P ' "$work/stderr")" = 0
}

silence_one_cpu()
{
	start_target taskset -c 0 "$(built 1.24-stripped sleeper)"
	watched_run 0 -p "$target" -d 0.3 && warned 'one CPU only' && nothing one-cpu 'one CPU only'
}

# Nobody is inside, whatever the map's flag and Go's own check say: nothing is proved. Another program's flag does tell.
silence_flag_stays()
{
	local version
	for version in 1.19 1.27; do
		watched_run 66 -d 30 -- "$(built $version-stripped faulting)"
		[[ -z $why ]] && warned 'recover from a fault' || return 1
		must 'it did not die of the flag' grep -q '^fatal error: concurrent map' "$work/stderr" || return 1
		must 'no caveat flag-stays' jq -e 'any(.stats.caveats[]; .code == "flag-stays" and (.blind | not))' "$work/out.json" >"$work/jq" || return 1
		must 'something is proved' jq -e 'all(.races[]; .evidence == "fatal" and .proves == "nothing" and (.caveat | test("SetPanicOnFault")))' \
			"$work/out.json" >"$work/jq" || return 1
		must 'somebody is said to be inside' jq -e 'all(.deaths[]; .not_identified | test("still inside") | not)' "$work/out.json" >"$work/jq" || return 1
	done
	start_target "$(built 1.24-stripped sleeper)"
	watched_run 0 -p "$target" -d 0.3 && no_caveat flag-stays
}

silence_no_holds()
{
	start_target "$(built 1.24-stripped sleeper)"
	watched_run 0 --max-hold 0 -p "$target" -d 0.3 && nothing no-holds 'max-hold 0'
}

silence_idle()
{
	start_target "$(built 1.24-stripped idle)"
	watched_run 0 -p "$target" -d 0.3 && nothing no-operations 'was seen: it was idle, or what ran used no map (0.0. s of CPU time)' || return 1
	cleanup
	start_target "$(built 1.24-stripped sleeper)"
	watched_run 0 -p "$target" -d 0.3 && no_caveat no-operations
}

silence_stopped()
{
	start_target "$(built 1.24-stripped sleeper)"
	kill -STOP "$target"
	watched_run 0 -p "$target" -d 0.3 && warned 'is stopped' && nothing no-operations 'was seen: it is stopped'
}

# frozen_group: a group of the freezer, of version 1 or 2, that `freeze` is written to
frozen_group()
{
	local dir
	for dir in /sys/fs/cgroup/freezer /sys/fs/cgroup/unified /sys/fs/cgroup; do
		mkdir "$dir/maprace.$$" 2>/dev/null || continue
		group=$dir/maprace.$$
		if [[ -w $group/freezer.state ]]; then
			freeze="FROZEN $group/freezer.state" thaw="THAWED $group/freezer.state"
			return
		elif [[ -w $group/cgroup.freeze ]]; then
			freeze="1 $group/cgroup.freeze" thaw="0 $group/cgroup.freeze"
			return
		fi
		rmdir "$group"
	done
	return 1
}

silence_frozen()
{
	local group='' freeze='' thaw='' good=yes
	frozen_group || { why="SKIP no control group may be frozen here" && return 1; }
	start_target "$(built 1.24-stripped sleeper)"
	echo "$target" >"$group/cgroup.procs"
	echo "${freeze% *}" >"${freeze#* }"
	sleep 0.2
	watched_run 0 -p "$target" -d 0.3 && warned 'frozen' && nothing no-operations 'its control group is frozen' || good=
	echo "${thaw% *}" >"${thaw#* }"
	cleanup
	target=
	wait_until 5 rmdir "$group" 2>/dev/null
	[[ -n $good ]]
}

silence_remapped()
{
	command -v gcc >/dev/null || { why="SKIP no C compiler" && return 1; }
	start_target "$e2e_build/remap/remap"
	watched_run 0 -p "$target" -d 0.3 && warned 'are not mapped from its file any more' && nothing no-operations 'not mapped from its file any more'
}

# No probe comes to where it can write, and that is said; where it could not yet they stay.
silence_writable()
{
	local build
	for build in 1.19-stripped 1.24-pie; do
		start_target "$(built $build writable)" || return 1
		watched_run 0 -p "$target" -d 0.3 && warned 'so that they can be written to' && nothing no-operations 'so that it can be written to' || return 1
		cleanup
		watched_run 66 -d 30 --halt-on-race -- "$(built $build writable)" && no_caveat text-remapped && no_caveat no-operations || return 1
	done
}

# Started by us it copies what we have put into its code.
silence_trapped()
{
	command -v gcc >/dev/null || { why="SKIP no C compiler" && return 1; }
	watched_run 133 -- "$e2e_build/remap/remap" && nothing trapped 'died of SIGTRAP'
}

# What a wrapper runs is another process: which one, is said.
silence_children()
{
	local status=0
	bash -c "'$(built 1.24-stripped sleeper)'; true" >"$work/target" 2>&1 &
	target=$!
	wait_until 10 grep -qs '^ready' "$work/target" || return 1
	"$maprace" watch -p "$target" -d 1 >"$work/stdout" 2>"$work/stderr" || status=$?
	must "exit status $status" test "$status" = 1 || return 1
	must 'the child is not named' grep -q "hint: its child $(pgrep -P "$target") (.*/sleeper) is a Go program: use -p $(pgrep -P "$target")\$" "$work/stderr" || return 1
	pkill -P "$target" -x sleeper
}

silence_module()
{
	mkdir -p "$work/../mod"
	cp "$e2e_dir/programs/racy_test.go" "$work/../mod/racy_test.go"
	printf 'module example.com/racy\n\ngo 1.19\n' >"$work/../mod/go.mod"
	go_root 1.24
	cd "$work/../mod"
	export GOROOT=$goroot GOTOOLCHAIN=local GOPROXY=off GO111MODULE=on GOFLAGS='' GOCACHE=${MAPRACE_CACHE:-$e2e_top/build/cache}/gocache CGO_ENABLED=0
}

silence_go_tool()
{
	(silence_module && watched_run 0 --no-follow -- "$goroot/bin/go" test -run None . && warned "go test -exec 'maprace watch --'" &&
		must 'no caveat' jq -e 'any(.stats.caveats[]; .code == "go-tool" and .blind)' "$work/out.json" >"$work/jq" &&
		watched_run 0 -- "$goroot/bin/go" env GOOS && no_caveat go-tool && nothing nothing-watched 'none that could be was started') || { why="see the output" && return 1; }
}

# The way to watch tests: go test fails by the race that is proved in an ordinary test binary.
silence_go_test()
{
	local status=0
	(silence_module && PATH=$(dirname "$maprace"):$PATH && "$goroot/bin/go" test -exec 'maprace watch --halt-on-race --' .) >"$work/stdout" 2>&1 || status=$?
	must "exit status $status" test "$status" = 1 || return 1
	must 'no race was proved' grep -q '^WARNING: CONCURRENT MAP ACCESS (proven)' "$work/stdout" || return 1
	must 'not the test that races' grep -q '^  example.com/racy.TestRacy.func[12]()' "$work/stdout" || return 1
	must 'go test does not say which package' grep -q '^FAIL.example.com/racy' "$work/stdout" || return 1
}

silence_build()
{
	local name dir=$e2e_build/remap
	for name in 1.19-stripped/faulting 1.27-stripped/faulting 1.19-stripped/sleeper 1.24-stripped/sleeper 1.24-pie/sleeper 1.24-stripped/idle; do
		build_program "${name%/*}" "$e2e_dir/programs/${name#*/}.go"
	done
	for name in 1.19-stripped 1.24-pie; do
		build_program "$name" "$e2e_dir/programs/writable.go" "$e2e_dir/programs/phases.go"
	done
	build_case 1.24-stripped clean_mutex
	command -v gcc >/dev/null || return 0
	[[ ! $dir/remap -nt $e2e_dir/programs/beat.go || ! $dir/remap -nt $e2e_dir/programs/remap.c ]] || return 0
	go_root 1.24
	mkdir -p "$dir"
	GOROOT=$goroot GOTOOLCHAIN=local GOPROXY=off GO111MODULE=off GOFLAGS='' GOCACHE=${MAPRACE_CACHE:-$e2e_top/build/cache}/gocache CGO_ENABLED=1 \
		"$goroot/bin/go" build -buildmode=c-archive -o "$dir/beat.a" "$e2e_dir/programs/beat.go"
	gcc -O1 -o "$dir/remap" "$e2e_dir/programs/remap.c" "$dir/beat.a" -lpthread
}

silence_all()
{
	local name why
	silence_build
	for name in $silence_names; do
		((${#silence_only[@]} == 0)) || [[ " ${silence_only[*]} " == *" $name "* ]] || continue
		fresh_work "silence-$name"
		why='' target=''
		if "silence_$name"; then
			pass "silence: $name"
		elif [[ $why == SKIP* ]]; then
			skip "silence: $name" "${why#SKIP }"
		else
			fail "silence: $name" "${why:-failed}"
		fi
		cleanup
	done
}
silence_only=()

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	silence_only=("$@")
	silence_all
	finish
fi
