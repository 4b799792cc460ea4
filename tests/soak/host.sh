#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A thousand short-lived Go processes a minute under `maprace watch --all`: each is watched or counted as too short, what maprace takes
# of a CPU, and whether its memory grows. One line of figures for each minute; fails where a bound is not kept.
#
# usage: tests/soak/host.sh [MINUTES [MILLISECONDS [PER-MINUTE]]]      (3, 50, 1000): so long each process lives
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

minutes=${1:-3} lives=${2:-50} rate=${3:-1000}

# used PID...: clock ticks that they have used
used()
{
	local pid sum=0 stat
	for pid in "$@"; do
		read -r stat <"/proc/$pid/stat" || continue
		# shellcheck disable=SC2086 # fields
		set -- ${stat##*) }
		sum=$((sum + ${12} + ${13}))
	done
	echo "$sum"
}

resident() # PID...: kB of their own
{
	local pid sum=0
	for pid in "$@"; do
		sum=$((sum + $(awk '/^Private_(Clean|Dirty)/ { sum += $2 } END { print sum + 0 }' "/proc/$pid/smaps_rollup")))
	done
	echo "$sum"
}

ours()
{
	echo "$target" "$(pgrep -P "$target" -x mr-attacher | xargs)"
}

# churn: so many in a minute, evenly
churn()
{
	local i next=${EPOCHREALTIME/./}
	for ((i = 0; i < rate; i++)); do
		"$bin/brief" 0 "$lives" &
		next=$((next + 60000000 / rate))
		while ((${EPOCHREALTIME/./} < next)); do sleep 0.01; done
	done
	wait_brief
}

wait_brief()
{
	while pgrep -f "^$bin/brief 0 $lives\$" >/dev/null; do sleep 0.1; done
}

fresh_work host-soak
guard '' # takes as long as it is told to
bin=$work/bin
mkdir -p "$bin"
build_program 1.24-stripped "$e2e_dir/programs/brief.go"
cp "$e2e_build/1.24-stripped/brief" "$bin/"
"$bin/brief" 0 100000000 & # one that stays
stays=$!
"$maprace" watch --all --match "$bin/*" -o "$work/out.json" >"$work/stdout" 2>"$work/stderr" </dev/null &
target=$!
wait_until 20 watching
echo "minute percent_of_a_cpu own_kB started"
hertz=$(getconf CLK_TCK)
for ((minute = 1; minute <= minutes; minute++)); do
	# shellcheck disable=SC2046 # process ids
	before=$(used $(ours)) began=${EPOCHREALTIME/./}
	churn
	# shellcheck disable=SC2046
	after=$(used $(ours)) ended=${EPOCHREALTIME/./}
	percent=$((100 * (after - before) * 1000000 * 10 / hertz / (ended - began)))
	# shellcheck disable=SC2046
	kb[minute]=$(resident $(ours))
	echo "$minute $((percent / 10)).$((percent % 10)) ${kb[minute]} $((minute * rate))"
	((percent < 100)) || { echo "more than 10 percent of a CPU" && failed=1; }
done
sleep 1
kill -TERM "$target"
wait "$target" || true
kill -KILL "$stays"
jq -c '.followed' "$work/out.json"
jq -e ".followed.go + .followed.unknown >= $((minutes * rate + 1)) and .followed.go <= $((minutes * rate + 1)) and .followed.watched + ([.followed.not_watched[].processes] | add // 0) == .followed.go" \
	"$work/out.json" >/dev/null || { echo "some are not accounted for" && failed=1; }
jq -r '.stats.caveats[].text' "$work/out.json"
((minutes < 3 || kb[minutes] - kb[2] < 2048)) || { echo "memory grows" && failed=1; }
((failed == 0))
