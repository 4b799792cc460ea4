#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# maprace daemon: its log, its pages, its settings; of Go processes only such as run copies of ours are watched.
#
# usage: tests/e2e/daemon.sh [NAME]...      e.g. daemon.sh story hanging
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/follow.sh
. "$(dirname "${BASH_SOURCE[0]}")/follow.sh"

daemon_names='story becoming deaths panics log_lost hanging settings remote'

daemon_start() # ARG...
{
	"$maprace" daemon --config "$work/config.yaml" "$@" >"$work/stdout" 2>"$work/stderr" </dev/null &
	target=$!
	must 'it does not answer' wait_until 20 page healthz
}

daemon_config() # LINE...
{
	printf '%s\n' "match: '$bin/*'" "log: $work/races.jsonl" "listen: unix:$work/socket" "$@" >"$work/config.yaml"
}

page() # NAME: to $work/NAME; true: it says 200
{
	[[ $(curl -s -m 5 -o "$work/$1" -w '%{http_code}' --unix-socket "$work/socket" "http://localhost/$1") == 200 ]]
}

# metric NAME VALUE: at least that, now
metric()
{
	page metrics && awk -v name="maprace_$1" -v least="$2" 'index($0, name) == 1 && $NF >= least { found = 1 } END { exit !found }' "$work/metrics"
}

# pair_logged: sets `id`, of the race between two that are known. There may be another one, of an operation that met somebody unknown.
pair_logged()
{
	id=$(jq -r 'select(.data.proves == "pair") | .data.id' "$work/races.jsonl" 2>/dev/null | head -n 1)
	[[ -n $id ]]
}

not_logged() # ID
{
	! grep -q "\"id\":\"$1\"" "$work/races.jsonl"
}

daemon_stop()
{
	local status=0
	kill -TERM "$target"
	wait "$target" || status=$?
	target=
	must "exit status $status" test "$status" = 0
}

# racers_until TEXT CONDITION...: one after another, for on a busy machine some die of Go's own check before anything is proved, as they do alone
racers_until()
{
	local text=$1 i racer
	shift
	for ((i = 0; i < 5; i++)); do
		"$bin/racer" 20 2>"$work/racer" &
		racer=$!
		wait_until 30 either "$racer" "$@"
		! "$@" || return 0
	done
	must "$text" false
}

either() # PID CONDITION...: it has ended, or that holds
{
	gone "$1" || "${@:2}"
}

# A racy program comes: its race is in the log once, whoever has it again, and counted; the log may be moved away.
daemon_story()
{
	local id
	daemon_config "state: $work/state"
	daemon_start || return 1
	racers_until 'the race is not in the log' pair_logged || return 1
	must 'it is not that race' jq -se --arg exe "$bin/racer" \
		'map(select(.type == "race")) | (map(.data.id) | length == (unique | length)) and .[0].data.process.exe == $exe and (.[0].data.time | test("^20.*Z$"))' "$work/races.jsonl" >"$work/jq" || return 1
	must 'it is not counted' wait_until 10 metric "race_sightings_total{id=\"$id\"" 1 || return 1
	page races && must 'no such document' jq -e '.schema == "maprace/1" and (.races | length) >= 1' "$work/races" >"$work/jq" || return 1
	mv "$work/races.jsonl" "$work/moved"
	racers_until 'it is not counted again' metric "race_processes_total{id=\"$id\"" 2 || return 1
	must 'no new log' wait_until 5 test -e "$work/races.jsonl" || return 1
	must 'it is logged twice' not_logged "$id" || return 1
	daemon_stop || return 1
	must 'the socket is left' test ! -e "$work/socket" || return 1
	daemon_start || return 1
	racers_until 'it is not counted after a restart' metric "race_processes_total{id=\"$id\"" 1 || return 1
	must 'it is logged again after a restart' not_logged "$id" && daemon_stop
}

# daemon_module NAME: a program of a module of its own
daemon_module()
{
	mkdir -p "$work/$1"
	cp "$e2e_dir/programs/$1.go" "$work/$1/"
	printf 'module example.org/%s\n\ngo 1.24\n' "$1" >"$work/$1/go.mod"
	go_root 1.24
	(cd "$work/$1" && GOROOT=$goroot GOTOOLCHAIN=local GOPROXY=off GO111MODULE=on GOFLAGS=-buildvcs=false \
		GOCACHE=${MAPRACE_CACHE:-$e2e_top/build/cache}/gocache CGO_ENABLED=0 "$goroot/bin/go" build -o "$bin/$1" .)
}

has_sightings() # MODULE: of races in programs of it
{
	page metrics && grep -q "^maprace_race_sightings_total{.*exe=\"$bin/becoming\".*module=\"$1\"} [1-9]" "$work/metrics"
}

# A process runs another program before the race of the first one is told: it is of that one's module, not of the other's.
daemon_becoming()
{
	local i becoming
	daemon_module becoming && daemon_module idle || return 1
	daemon_config
	daemon_start || return 1
	for ((i = 0; i < 5; i++)); do
		"$bin/becoming" "$bin/idle" 2>"$work/target" &
		becoming=$!
		wait_until 10 either "$becoming" has_sightings example.org/becoming || true
		kill -KILL "$becoming" 2>/dev/null || true
		wait "$becoming" 2>/dev/null || true
		! has_sightings example.org/becoming || break
	done
	must 'it is not counted' has_sightings example.org/becoming && must 'it is of another module' test "$(grep -c '^maprace_race_.*module="example.org/idle"' "$work/metrics")" = 0 && daemon_stop
}

# crashed STATUS WAY: one that has come to its end in that way
crashed()
{
	local status=0
	"$bin/crashing" "$2" >"$work/crashed" 2>&1 || status=$?
	must "$2: exit status $status" test "$status" = "$1"
}

# Processes that die by the runtime's hand are counted by cause and logged, with where that was, not with what the program says; nobody
# stops them. What is recovered from is no death.
daemon_deaths()
{
	build_program 1.24-stripped "$e2e_dir/programs/crashing.go"
	cp "$e2e_build/1.24-stripped/crashing" "$bin/"
	daemon_config
	daemon_start || return 1
	crashed 2 string && crashed 2 string && crashed 2 index && crashed 2 unlock && crashed 3 recovers || return 1
	must 'a panic is not counted' wait_until 10 metric "deaths_total{cause=\"panic\",exe=\"$bin/crashing\"" 3 || return 1
	must 'a fatal error is not counted' wait_until 10 metric "deaths_total{cause=\"fatal\",exe=\"$bin/crashing\"" 1 || return 1
	must 'there are others' test "$(grep -c '^maprace_deaths_total{' "$work/metrics")" = 2 || return 1
	must 'not in the log' jq -se --arg exe "$bin/crashing" \
		'map(select(.type == "ending") | .data) | length == 4 and all(.process.exe == $exe) and (map(select(.cause == "fatal")) | length == 1 and .[0].message == "sync: unlock of unlocked mutex")
		and (map(select(.cause == "panic")) | all(.stack | map(.function) | any(startswith("main."))))' "$work/races.jsonl" >"$work/jq" || return 1
	must 'it tells what the program said' test "$(cat "$work/races.jsonl" "$work/metrics" "$work/stderr" | grep -c 'secret 4711')" = 0 && daemon_stop
}

# Where a program panics is logged once, however many processes of it do; what becomes of panics is counted; what it says is not told.
daemon_panics()
{
	local i
	build_program 1.27-stripped "$e2e_dir/programs/panicking.go"
	cp "$e2e_build/1.27-stripped/panicking" "$bin/"
	daemon_config
	echo 'panics: true' >>"$work/config.yaml"
	daemon_start || return 1
	for ((i = 0; i < 2; i++)); do
		"$bin/panicking" wait 20 >"$work/panicked$i" 2>&1 &
		local panicking=$!
		must 'it is not watched' wait_until 20 text_differs "$panicking" || return 1
		sleep 1 # its gate opens behind that
		kill -USR1 "$panicking"
		wait "$panicking"
	done
	must 'what was recovered is not counted' wait_until 10 metric "panics_total{kind=\"fault\",outcome=\"recovered\",exe=\"$bin/panicking\"" 14 || return 1
	must 'what was not is' metric "panics_total{kind=\"explicit\",outcome=\"goexit\",exe=\"$bin/panicking\"" 2 || return 1
	must 'one is said to have died' test "$(grep -c '^maprace_panics_total{.*outcome="died"' "$work/metrics")" = 0 || return 1
	must 'not in the log, or twice' jq -se --arg exe "$bin/panicking" 'map(select(.type == "panic") | .data) |
		all(.process.exe == $exe) and (map(select(.kind == "fault")) | length == 1 and .[0].site.function == "main.dereferences" and .[0].outcomes.recovered == 7)
		and (group_by([.kind, .value_type, .site.function]) | all(length == 1))' "$work/races.jsonl" >"$work/jq" || return 1
	must 'it tells what the program said' test "$(cat "$work/races.jsonl" "$work/metrics" "$work/stderr" | grep -c 'just so')" = 0 && daemon_stop
}

# No room for the log: the line is lost, and counted.
daemon_log_lost()
{
	daemon_config
	daemon_start --log /dev/full || return 1
	racers_until 'not counted' metric 'log_lines_lost_total' 1 || return 1
	must 'not said' grep -q '/dev/full: .*; lines are lost until that is put right' "$work/stderr" && daemon_stop
}

# Clients that connect and say nothing, more than there are places for: others have their turn when these are let go.
daemon_hanging()
{
	local i fds=() fd port=$((20000 + $$ % 20000))
	daemon_config
	sed -i "s,^listen:.*,listen: 127.0.0.1:$port," "$work/config.yaml"
	"$maprace" daemon --config "$work/config.yaml" >"$work/stdout" 2>"$work/stderr" </dev/null &
	target=$!
	wait_until 20 curl -sf -o /dev/null "http://127.0.0.1:$port/healthz" || return 1
	for ((i = 0; i < 40; i++)); do
		exec {fd}<>"/dev/tcp/127.0.0.1/$port" && fds+=("$fd")
	done
	must 'nobody has a turn any more' curl -sf -m 25 -o "$work/metrics" "http://127.0.0.1:$port/metrics" || i=0
	for fd in "${fds[@]}"; do exec {fd}>&-; done
	((i)) && must 'that there were too many is not counted' grep -q '^maprace_http_busy_total [1-9]' "$work/metrics" && daemon_stop
}

# Settings that are not understood are named with their line, at the start and when they are read again.
daemon_settings()
{
	local status=0
	daemon_config 'max-processes: many'
	"$maprace" daemon --config "$work/config.yaml" 2>"$work/stderr" || status=$?
	must "exit status $status" test "$status" = 2 && must 'not named' grep -q "config.yaml:4: max-processes takes a number from 1 to 1000, not 'many'" "$work/stderr" || return 1
	status=0
	"$maprace" daemon --listen 0.0.0.0:9464 2>"$work/stderr" || status=$?
	must 'it listens to the network' test "$status" = 2 && must 'how is not said' grep -q -e '--allow-remote' "$work/stderr" || return 1
	daemon_config
	daemon_start || return 1
	daemon_config 'nothing: of the kind'
	kill -HUP "$target"
	must 'not refused' wait_until 5 metric failed_reloads_total 1 && must 'not named' grep -q "config.yaml:4: unknown setting 'nothing'" "$work/stderr" || return 1
	daemon_config 'memory: true'
	sed -i "s,^match:.*,match: /nobody/*," "$work/config.yaml"
	kill -HUP "$target"
	must 'not read again' wait_until 5 metric reloads_total 2 || return 1
	must 'what is not taken over is not said' grep -q 'those of memory are changed by a restart only' "$work/stderr" || return 1
	"$bin/brief" 0 600
	must 'the new filter is not used' grep -q '^maprace_go_processes_watched_total 0$' <(page metrics && cat "$work/metrics") && daemon_stop
}

# At an address that others reach it listens only where the settings say that this is meant; asked from another network namespace.
daemon_remote()
{
	local elsewhere status=0
	daemon_config 'allow-remote: true'
	sed -i 's,^listen:.*,listen: 10.244.0.7:9464,' "$work/config.yaml"
	unshare --net sleep 120 &
	elsewhere=$!
	must 'no network namespace' wait_until 5 test ! /proc/self/ns/net -ef "/proc/$elsewhere/ns/net" || return 1
	# the daemon is in one of its own, as in a pod
	# shellcheck disable=SC2016
	unshare --net sh -c 'ip link set lo up; ip link add eth0 type veth peer name eth0 netns "$1" && ip addr add 10.244.0.7/24 dev eth0 &&
		ip link set eth0 up && shift && exec "$@"' sh "$elsewhere" "$maprace" daemon --config "$work/config.yaml" >"$work/stdout" 2>"$work/stderr" &
	target=$!
	must 'there is no peer' wait_until 10 remote_up "$elsewhere" || status=1
	((status)) || must 'it does not answer others' wait_until 20 remote_page "$elsewhere" || status=1
	sed -i 's,^allow-remote:.*,allow-remote: false,' "$work/config.yaml"
	kill -HUP "$target"
	((status)) || must 'not refused when it is read again' wait_until 10 grep -q 'others reach 10.244.0.7:9464' "$work/stderr" || status=1
	{ kill -KILL "$elsewhere" && wait "$elsewhere"; } 2>/dev/null || true
	((!status)) && daemon_stop
}

remote_up() # PID
{
	nsenter -t "$1" --net sh -c 'ip addr replace 10.244.0.8/24 dev eth0 && ip link set eth0 up' 2>/dev/null
}

remote_page() # PID
{
	nsenter -t "$1" --net curl -sf -m 5 -o "$work/healthz" http://10.244.0.7:9464/healthz
}

daemon_all()
{
	local name why
	follow_build
	for name in $daemon_names; do
		((${#daemon_only[@]} == 0)) || [[ " ${daemon_only[*]} " == *" $name "* ]] || continue
		fresh_work "daemon-$name"
		why='' target=''
		if "daemon_$name"; then
			pass "daemon: $name"
		else
			fail "daemon: $name" "${why:-failed}"
		fi
		end_copies
		cleanup
	done
	rm -rf "$bin"
}
daemon_only=()

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	daemon_only=("$@")
	daemon_all
	finish
fi
