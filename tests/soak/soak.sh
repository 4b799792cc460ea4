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
# shellcheck source=tests/soak/targets.sh
. "$(dirname "${BASH_SOURCE[0]}")/targets.sh"
# shellcheck source=tests/soak/watches.sh
. "$(dirname "${BASH_SOURCE[0]}")/watches.sh"
# shellcheck source=tests/soak/rest.sh
. "$(dirname "${BASH_SOURCE[0]}")/rest.sh"
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
ways=(duration duration int int term term kill kill kill attacher measurer stop stop longstop pipe both)

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

no_maprace() # BINARY: nor an attacher of it, nor what measures
{
	! pgrep -f "^$1 " >/dev/null
}

clean_text() # PID
{
	gone "$1" || text_same "$1"
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
			for i in "${living[@]}"; do
				[[ ${ends[i]} != exec ]] || ends[i]=term
				strike TERM "${pids[i]}"
			done
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
	elif ! grep -aq '^ready' "$out" && [[ ${#watched[@]} == 0 || $way == duration ]]; then
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
: >"$run/killed"
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
