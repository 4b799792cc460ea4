#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `maprace daemon` for hours, while processes come and go, some racing, some killed; its settings are read again, right and wrong ones;
# the disk of its log is full for a while, the log is moved away; clients hang. Then: it has not grown, each process is accounted for,
# each race is in the log, once, or counted as lost, and nothing is left.
#
# usage: tests/soak/daemon.sh [SECONDS]        (600)
# Needs root. Says a line a minute. Status 1 when something is not so.
set -euo pipefail
export LC_ALL=C
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
# shellcheck source=tests/soak/rest.sh
. "$(dirname "${BASH_SOURCE[0]}")/rest.sh"
seconds=${1:-600}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || e2e_die "usage: daemon.sh [SECONDS]"
((EUID == 0)) || e2e_die "needs root"
bpftool=${BPFTOOL:-/usr/sbin/bpftool}
port=$((20000 + $$ % 20000))
failures=0
exec {nap_fd}<> <(:)

nap() # SECONDS: without a process
{
	read -rt "$1" -u "$nap_fd" || true
}

elapsed()
{
	echo $((${EPOCHREALTIME/./} / 1000000 - began))
}

failure()
{
	failures=$((failures + 1))
	echo "$(elapsed) s: FAILED: $*"
}

running()
{
	[[ ! -e $work/over ]]
}

tally() # NAME: one more of these
{
	echo >>"$work/count.$1"
}

tallied() # NAME
{
	[[ ! -e $work/count.$1 ]] || wc -l <"$work/count.$1"
	[[ -e $work/count.$1 ]] || echo 0
}

# ---- what comes and goes ---------------------------------------------------------------------------------------------

# Two processes a second, of any length, some of them killed.
come_brief()
{
	local lives=(0 20 50 200 1000 3000 10000)
	while running; do
		tally started
		if ((RANDOM % 8)); then
			"$bin/brief" 0 "${lives[RANDOM % 7]}" &
		else
			("$bin/brief" 0 20000 & wait_until 10 is_brief $! && nap "0.$((RANDOM % 10))" && kill -KILL $!) 2>/dev/null &
		fi
		nap 0.5
	done
	wait
}

# is_brief PID: it has become that
is_brief()
{
	local name=
	read -r name <"/proc/$1/comm" && [[ $name == brief ]]
}

# One after the other a racy program that nobody has seen: a copy at a path of its own, for eight seconds. A quarter is killed.
come_racy()
{
	local n=0 builds=(1.19-stripped 1.24-stripped 1.27-stripped) name
	while running; do
		n=$((n + 1)) name=racer$n
		cp "$e2e_build/${builds[n % 3]}/racer" "$bin/$name"
		tally started
		"$bin/$name" 8 >/dev/null 2>&1 &
		if ((RANDOM % 4)); then
			wait $! || true
			tally raced
			echo "$bin/$name" >>"$work/raced"
		else
			nap "$((RANDOM % 4)).$((RANDOM % 10))"
			kill -KILL $! 2>/dev/null || true
			wait $! 2>/dev/null || true
		fi
		rm -f "$bin/$name"
	done
}

settings() # LINE...
{
	printf '%s\n' "match: '$bin/*'" "log: $disk/races.jsonl" 'log-size: 16K' 'log-files: 50' "state: $disk/state" "listen: 127.0.0.1:$port" "$@" >"$work/config.new"
	mv "$work/config.new" "$work/config.yaml"
}

# Read again every 20 seconds, each third time settings that are refused.
come_reloads()
{
	local n=0
	while running; do
		nap 20
		n=$((n + 1))
		case $((n % 3)) in
		0) settings 'nothing: of the kind' && tally refused ;;
		1) settings 'max-processes: 50' ;;
		2) settings ;;
		esac
		kill -HUP "$target" || true
		tally reloads
		nap 1
		settings
	done
}

# No room for twelve seconds every two minutes.
come_full_disk()
{
	while running; do
		nap 100
		dd if=/dev/zero of="$disk/fill" bs=1k 2>/dev/null || true
		tally full
		nap 12
		rm -f "$disk/fill"
	done
}

# As logrotate does: renamed, and what was rotated before with it; taken to where there is room when nobody writes there any more.
come_log_moved()
{
	local n=0
	while running; do
		nap 47
		n=$((n + 1))
		collect "$n"
	done
}

collect() # N
{
	local file
	mkdir "$disk/moved"
	for file in "$disk"/races.jsonl*; do
		[[ ! -e $file ]] || mv "$file" "$disk/moved/"
	done
	tally moved
	nap 5
	for file in "$disk"/moved/*; do
		[[ ! -e $file ]] || cat "$file" >>"$work/races"
	done
	rm -r "$disk/moved"
}

# Clients that say nothing, or half of a request, or do not take their answer.
come_clients()
{
	local i fd fds
	while running; do
		fds=()
		for ((i = 0; i < 12; i++)); do
			{ exec {fd}<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || continue
			fds+=("$fd")
			case $((i % 3)) in
			1) printf 'GET /met' >&"$fd" ;;
			2) printf 'GET /races HTTP/1.1\r\nHost: a\r\n\r\n' >&"$fd" ;;
			esac 2>/dev/null || true
			tally hung
		done
		nap 25
		for fd in "${fds[@]}"; do exec {fd}>&-; done
		nap 5
	done
}

# ---- what is asked ---------------------------------------------------------------------------------------------------

page() # NAME FILE
{
	[[ $(curl -s -m 40 -o "$2" -w '%{http_code}' "http://127.0.0.1:$port/$1") == 200 ]]
}

metric() # NAME: the sum of its samples, in $work/metrics
{
	awk -v name="maprace_$1" '{ split($1, a, "{") } a[1] == name { sum += $NF } END { printf "%.0f\n", sum }' "$work/metrics"
}

ours()
{
	echo "$target" "$(pgrep -P "$target" -x mr-attacher | xargs)"
}

own_kb()
{
	local pid sum=0
	for pid in $(ours); do
		sum=$((sum + $(awk '/^Private_(Clean|Dirty)/ { sum += $2 } END { print sum + 0 }' "/proc/$pid/smaps_rollup")))
	done
	echo "$sum"
}

files()
{
	local pid sum=0
	for pid in $(ours); do sum=$((sum + $(find "/proc/$pid/fd" -mindepth 1 | wc -l))); done
	echo "$sum"
}

threads()
{
	local pid sum=0
	for pid in $(ours); do sum=$((sum + $(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l))); done
	echo "$sum"
}

minute()
{
	local before=0
	[[ ! -s $work/metrics ]] || before=$(metric go_processes_total)
	if ! page metrics "$work/metrics.new"; then
		failure 'no /metrics within 40 s'
		return 0
	fi
	mv "$work/metrics.new" "$work/metrics"
	(($(metric go_processes_total) >= before)) || failure 'a counter runs backwards'
	page healthz "$work/healthz" || failure "/healthz: $(cat "$work/healthz")"
	kb=$(own_kb)
	echo "$(elapsed) s: $(tallied started) started, $(metric go_processes_total) Go, $(metric go_processes_watched_total) watched," \
		"$(metric go_processes_unknown_total) too short; races $(metric races_found_total), lines $(metric log_lines_total), lost $(metric log_lines_lost_total)," \
		"rotated $(metric log_rotations_total); reloads $(metric reloads_total), refused $(metric failed_reloads_total); clients hung $(tallied hung), waited $(metric http_busy_total);" \
		"$kb kB, $(files) files, $(threads) threads, $(metric cpu_seconds_total) s of CPU"
}

# ---- the whole -------------------------------------------------------------------------------------------------------

end_of_churn()
{
	touch "$work/over"
	wait "${churn[@]}" || true
	for name in brief racer; do pkill -KILL -f "^$bin/$name" || true; done
	rm -f "$disk/fill"
	nap 8 # the log is looked after every two seconds, an end is seen by then
	collect last
	page metrics "$work/metrics" || failure 'no /metrics at the end'
	cat "$disk"/races.jsonl* >>"$work/races" 2>/dev/null || true
}

accounted()
{
	local started go unknown lines proved
	started=$(tallied started) go=$(metric go_processes_total) unknown=$(metric go_processes_unknown_total)
	((go <= started && go + unknown >= started)) || failure "of $started processes $go were found, and $unknown too short"
	(($(metric go_processes_watched_total) + $(metric go_processes_unwatched_total) == go)) || failure 'some are neither watched nor not'
	# killed ones may be gone before they are programs of ours
	(($(metric reloads_total) <= $(tallied reloads) && $(metric reloads_total) >= $(tallied reloads) * 9 / 10)) || failure "of $(tallied reloads) reloads it tells $(metric reloads_total)"
	lines=$(wc -l <"$work/races")
	((lines == $(metric log_lines_total))) || failure "$lines lines in the logs, it has written $(metric log_lines_total)"
	proved=$(grep -c '^{"type": *"race"' "$work/races" || true)
	((proved <= $(metric races_found_total) && proved + $(metric log_lines_lost_total) >= $(metric races_found_total))) ||
		failure "$(metric races_found_total) races, $proved lines of them, $(metric log_lines_lost_total) lost"
	jq -es 'all(.[]; (.type == "race" and .data.proves != null) or (.type == "ending" and .data.cause == "conflict"))' "$work/races" >/dev/null ||
		failure 'a line of the log is neither a race nor a death by one'
	jq -r 'select(.type == "race") | [.data.id, .data.process.exe] | join(" ")' "$work/races" | sort | uniq -d >"$work/twice"
	[[ ! -s $work/twice ]] || failure 'a race is in the log twice'
	jq -r 'select(.type == "race") | .data.process.exe' "$work/races" | sort -u >"$work/proved"
	missed=$(sort -u "$work/raced" | comm -23 - "$work/proved" | wc -l)
	echo "racy programs that lived for 8 s or died of their race: $(tallied raced); $missed of them are not in the log, $(metric log_lines_lost_total) lines were lost"
}

no_daemon()
{
	! pgrep -f "^$own " >/dev/null
}

fresh_work daemon-soak
guard '' # takes as long as it is told to
disk=$work/disk bin=$work/bin own=$work/maprace
run=$work # rest.sh
mkdir -p "$disk" "$bin"
: >"$work/killed"
: >"$work/raced"
: >"$work/races"
for build in 1.19-stripped 1.24-stripped 1.27-stripped; do build_program "$build" "$e2e_dir/programs/racer.go"; done
build_program 1.24-stripped "$e2e_dir/programs/brief.go"
cp "$e2e_build/1.24-stripped/brief" "$bin/"
cp "$maprace" "$own"
mount -t tmpfs -o size=512k none "$disk"
trap 'touch "$work/over"; cleanup; pkill -KILL -f "^$bin/" || true; umount -l "$disk" || true; rm -rf "$e2e_build/work/$$"' EXIT
settings
dmesg_from=$(cut -d' ' -f1 /proc/uptime)
began=$((${EPOCHREALTIME/./} / 1000000))
echo "daemon soak: $seconds s, $("$own" --version), Linux $(uname -r)"
"$own" daemon --config "$work/config.yaml" >"$work/stdout" 2>"$work/stderr" </dev/null &
target=$!
wait_until 20 page healthz "$work/healthz" || e2e_die "it does not answer: $(cat "$work/stderr")"
churn=()
for what in brief racy reloads full_disk log_moved clients; do
	"come_$what" 2>>"$work/churn.err" &
	churn+=($!)
done
kb='' quarter_kb='' next=60
while t=$(elapsed) && ((t < seconds)); do
	nap 1
	((t < next)) || { minute && next=$((t + 60)); }
	[[ -n $quarter_kb || -z $kb ]] || ((t < seconds / 4)) || quarter_kb=$kb
	! gone "$target" || { failure "it has ended: $(tail -5 "$work/stderr")" && break; }
done
end_of_churn
minute
accounted
echo "after a quarter of the time $quarter_kb kB, at the end $kb kB"
((kb <= ${quarter_kb:-0} + 4096)) || failure 'it has grown'
status=0
kill -TERM "$target" || true
wait "$target" || status=$?
((status == 0)) || failure "it ended with status $status: $(tail -5 "$work/stderr")"
wait_until 20 no_daemon || failure 'a process of it is left'
wait_until 60 no_orphans || failure "in the kernel: $(orphans | tr '\n' ' ')"
[[ -z $(kernel_ours) ]] || failure "the kernel said: $(kernel_ours)"
((failures)) && mkdir -p "$e2e_top/build/soak/daemon" && cp -r "$work/." "$e2e_top/build/soak/daemon/"
((failures == 0)) && echo 'daemon soak: passed'
