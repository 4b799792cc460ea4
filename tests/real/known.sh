# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # of lib.sh
# Real programs with map races that their own people have found or mended. Sourced after lib.sh.
# A race that is not met is a result like any other: it is counted as skipped.

known_limit=${REAL_LIMIT:-60} # seconds a run may last

# known_proofs FILE A B: the proven races with a function that matches A on one side and one that matches B on the other
known_proofs()
{
	jq --arg a "$2" --arg b "$3" '[.races[] | select((.accesses | length) == 2 and .evidence != "window")
		| select([.accesses[].stack | map(.function) | join(" ")] as [$x, $y]
			| (($x | test($a)) and ($y | test($b))) or (($y | test($a)) and ($x | test($b))))]' "$1"
}

# known_pairs < RACES: what collided with what
known_pairs()
{
	jq -r '.[] | "        \(.evidence) \(.kind) \(.map.type), \(.count) times: " + ([.accesses[] | .op + " " + ([.stack[]
		| select(.runtime | not) | "\(.function) \(.file):\(.line)"] | .[0:3] | join(" < "))]
		| join("\n          with "))'
}

known_others() # FILE RACES: the races of a document that are not among these
{
	jq --argjson races "$2" '[.races[] | select(.id as $id | $races | map(.id) | index($id) | not)]' "$1"
}

known_settled() # PID FILE A B: is it proved, or the watch over?
{
	local proofs
	real_alive "$1" || return 0
	proofs=$(jq -n '{races: [inputs | select(.type == "race") | .data]}' "$2" 2>/dev/null | known_proofs /dev/stdin "$3" "$4" | jq length)
	((proofs))
}

# known_unwatched PID LOG DRIVER...: what the program does under the same load, with nobody watching
known_unwatched()
{
	local pid=$1 log=$2 started=${EPOCHREALTIME/./} driver
	shift 2
	"$@" </dev/null >/dev/null 2>&1 &
	driver=$!
	real_pids+=("$driver")
	real_await 20 real_gone "$pid" || true
	echo "        unwatched for $(((${EPOCHREALTIME/./} - started) / 1000)) ms: $(known_end "$log")"
	real_stop "$driver" KILL
}

known_attached() # PID OF-WATCH
{
	text_probed "$1" || real_gone "$2"
}

# known_watch NAME A B PID DRIVER...: attaches, then drives, until the race of A with B is proved, the program is gone, or time is up
known_watch()
{
	local name=$1 a=$2 b=$3 target=$4 json=$real_build/$1.json stream=$real_tmp/$1.jsonl log=$real_build/$1.log
	local pid driver proofs others
	shift 4
	rm -f "$json"
	"$maprace" watch -p "$target" --budget 100 --max-hold 2ms -d "$known_limit" --json -o "$json" </dev/null >"$stream" 2>"$log" &
	pid=$!
	real_pids+=("$pid")
	real_await 20 known_attached "$target" "$pid" || true
	"$@" </dev/null >/dev/null 2>&1 &
	driver=$!
	real_pids+=("$driver")
	real_await $((known_limit + 10)) known_settled "$pid" "$stream" "$a" "$b" || true
	real_stop "$pid" INT
	real_stop "$driver" KILL
	if [[ ! -s $json ]]; then
		real_fail "$name: status $real_status and no document"
		real_show "$log"
		return 0
	fi
	proofs=$(known_proofs "$json" "$a" "$b")
	if [[ $(jq length <<<"$proofs") == 0 ]]; then
		real_skip "$name: not met in $(jq .duration_s "$json") s"
	else
		real_pass "$name: proved, $(jq -r '"\(length) site pairs (\(map(.evidence) | unique | join(", "))), seen \(map(.count) | add) times, the first at \(map(.first_seen_s) | min) s"' <<<"$proofs"), $(jq -r '"\(.duration_s) s, \(.stats.holds) holds, attached in \(.stats.attach_ms) ms"' "$json")"
		known_pairs <<<"$proofs"
	fi
	others=$(known_others "$json" "$proofs")
	if [[ $(jq length <<<"$others") != 0 ]]; then
		echo "        besides:"
		known_pairs <<<"$others"
	fi
}

# known_end LOG: in words, how a program ended that said this
known_end()
{
	grep -m1 -E '^(fatal error|panic|SIG[A-Z]+|unexpected fault)' "$1" || echo "no complaint"
}
