#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `maprace watch --all` of 200 live Go processes of ten binaries, again and again, and each time maprace, its attacher or some of the
# processes are killed (or it is told to end): how long it takes until all are watched, and how much memory; then no process is
# harmed, no probe is left, nothing of maprace is. With 10 PROCESSES each runs a binary of its own: what is left of a killed attacher
# goes by nobody else's changes.
#
# usage: tests/soak/host_kills.sh [SECONDS [PROCESSES [SEED]]]        (600 200)
# Needs root. Says a line a turn. Status 1 when something is not so.
set -euo pipefail
export LC_ALL=C
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
# shellcheck source=tests/soak/rest.sh
. "$(dirname "${BASH_SOURCE[0]}")/rest.sh"
seconds=${1:-600} many=${2:-200} seed=${3:-$((${EPOCHREALTIME/./} / 1000 % 32768))}
[[ $seconds =~ ^[1-9][0-9]*$ && $many =~ ^[1-9][0-9]*$ && $seed =~ ^[0-9]+$ ]] || e2e_die "usage: host_kills.sh [SECONDS [PROCESSES [SEED]]]"
((EUID == 0)) || e2e_die "needs root"
bpftool=${BPFTOOL:-/usr/sbin/bpftool}
failures=0
RANDOM=$seed

failure()
{
	failures=$((failures + 1))
	echo "FAILED: $*"
}

declare -A live # process id of each slot

begin() # SLOT
{
	"$bin/steady$(($1 % 10))" 1000000 2s >"$work/steady.$1" 2>&1 &
	live[$1]=$!
}

ready() # SLOT
{
	grep -qs '^ready' "$work/steady.$1"
}

all_ready()
{
	local slot
	for slot in "${!live[@]}"; do ready "$slot" || return 1; done
}

watched() # so many of them, as it says itself
{
	(($(grep -c '^{"type": *"target"' "$work/stdout") >= many))
}

resident() # kB, of maprace and its attacher, which share the tables in the kernel
{
	local pid sum=0
	for pid in "$target" $(pgrep -P "$target" -x mr-attacher); do
		sum=$((sum + $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")))
	done
	echo "$sum"
}

no_maprace()
{
	! pgrep -f "^$own " >/dev/null
}

# Some die while they are watched, others take their places.
kill_some()
{
	local i slot
	for ((i = 0; i < 10; i++)); do
		slot=$((RANDOM % many))
		kill -KILL "${live[$slot]}"
		wait "${live[$slot]}" 2>/dev/null || true
		begin "$slot"
	done
}

turn() # N
{
	local n=$1 began took way kb attacher slot left=0
	: >"$work/stdout"
	began=${EPOCHREALTIME/./}
	"$own" watch --all --match "$bin/*" --max-processes 1000 --json >"$work/stdout" 2>"$work/stderr" </dev/null &
	target=$!
	wait_until 60 watched || { failure "only $(grep -c '"target"' "$work/stdout") of $many are watched after 60 s: $(tail -3 "$work/stderr")" && kill -KILL "$target" && return 0; }
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
	sleep "$((RANDOM % 4)).$((RANDOM % 10))"
	kb=$(resident)
	attacher=$(pgrep -P "$target" -x mr-attacher)
	case $((n % 4)) in
	0) way='maprace is killed' && kill -KILL "$target" ;;
	1) # the kernel gives up on what it was moving then, and says so: maprace takes that away (docs/limits.md)
		way='its attacher is killed' && echo mr-attacher >"$work/killed" && kill -KILL "$attacher"
		;;
	2) way='ten processes are killed, then maprace' && kill_some && sleep "0.$((RANDOM % 10))" && kill -KILL "$target" ;;
	3) way='it is told to end' && kill -TERM "$target" ;;
	esac
	[[ $way != *attacher* ]] || wait_until 60 gone "$target" || kill -TERM "$target"
	wait_until 60 gone "$target" || failure 'it does not end'
	wait "$target" 2>/dev/null || true
	target=
	wait_until 30 no_maprace || failure "a process is left: $(pgrep -af "^$own ")"
	wait_until 30 all_ready || failure 'a process is not ready'
	for slot in "${!live[@]}"; do
		! gone "${live[$slot]}" || failure "process ${live[$slot]} has ended: $(tail -2 "$work/steady.$slot")"
		wait_until 20 clean_text "${live[$slot]}" || left=$((left + 1))
	done
	((left == 0)) || failure "probes are left in $left processes"
	wait_until 60 no_orphans || failure "in the kernel: $(orphans | tr '\n' ' ')"
	echo "$n: $many watched after $took ms, $kb kB; $way"
}

clean_text()
{
	gone "$1" || text_same "$1"
}

fresh_work host-kills
guard '' # takes as long as it is told to
bin=$work/bin own=$work/maprace run=$work
mkdir -p "$bin"
: >"$work/killed"
sources=$e2e_build/soak
mkdir -p "$sources"
cp -pu "$e2e_top/tests/soak/programs/steady.go" "$e2e_dir/cases/harness.go" "$sources"
n=0
for build in 1.19-stripped 1.23-stripped 1.24-stripped 1.27-stripped 1.24 1.27-pie 1.24-external 1.19 1.23 1.27; do
	build_program "$build" "$sources/steady.go" "$sources/harness.go"
	cp "$e2e_build/$build/steady" "$bin/steady$n"
	n=$((n + 1))
done
cp "$maprace" "$own"
dmesg_from=$(cut -d' ' -f1 /proc/uptime)
for ((slot = 0; slot < many; slot++)); do begin "$slot"; done
wait_until 60 all_ready || e2e_die 'the processes do not start'
echo "host kills: $many processes of 10 binaries, $seconds s, seed $seed, $("$own" --version), Linux $(uname -r)"
end=$((EPOCHSECONDS + seconds))
for ((n = 0; EPOCHSECONDS < end; n++)); do turn "$n"; done
for slot in "${!live[@]}"; do kill -TERM "${live[$slot]}"; done
for slot in "${!live[@]}"; do
	status=0
	wait "${live[$slot]}" || status=$?
	{ ((status == 0)) && unharmed "$work/steady.$slot"; } || failure "a process ended with status $status: $(tail -2 "$work/steady.$slot")"
done
[[ -z $(kernel_ours) ]] || failure "the kernel said: $(kernel_ours)"
((failures == 0)) && echo "host kills: passed, $n turns"
