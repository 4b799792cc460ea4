#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Real stripped programs that die of Go's own check of maps while they are watched: what is told of each death is held against what the
# program itself prints.
#  crowdsec, influxdb, hugo   their races are those of crowdsec.sh, influxdb.sh and hugo.sh, driven as there; hugo's site has no work
#                             between the calls, so that it dies often
#  corpus                     services of tests/corpus, stripped, at full speed
# Must be: one death of a conflict, with the message that the program prints; first a goroutine in this race: where it is the one that the
# program says it died in, its stack line by line as the program prints it; then another one, that is inside the same race, or why none is named; a stop of no more
# than --max-freeze and the half second after which it is let go whatever happens; status and message as without us. Never: the same
# one twice, a goroutine that the program does not know, one of another race, or one that is named and not named at once.
# A run that the program survives says nothing, and is made again; so is one whose threads did not stop in time, as on a machine with
# other work: no more often than the others. How often the other one was named is told.
# usage: deaths.sh [crowdsec|influxdb|hugo|corpus|all [COUNT]]     (all, 3 deaths of each)
# Environment: DEATHS_LIMIT (40) seconds a run may last, DEATHS_OPTIONS of `maprace watch`
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/crowdsec.sh"
. "$(dirname "${BASH_SOURCE[0]}")/influxdb.sh"
. "$(dirname "${BASH_SOURCE[0]}")/hugo.sh"

parts=(crowdsec influxdb hugo corpus)
[[ ${1:-all} == all ]] || parts=("$1")
count=${2:-3}
deaths_limit=${DEATHS_LIMIT:-40}
deaths_bound_ms=550 # docs/snapshot.md: who lets it go, and when
read -ra deaths_options <<<"${DEATHS_OPTIONS:-}"
corpus=(1.19/value_receiver 1.23/global_handlers 1.24/errgroup_closure 1.27/metric_labels)

# deaths_own LOG: the goroutine that died, in the program's own words, as JSON: its id, and [function, line] of what is not the runtime's
deaths_own()
{
	awk '
		/^fatal error: / && !begun { begun = 1; next }
		begun && /^goroutine [0-9]+ .*\[running/ && !id { id = $2; next }
		!id { next }
		/^$/ || /^created by / { exit }
		/^\t/ { sub(/^\t/, ""); sub(/ \+0x.*$/, ""); sub(/^.*:/, ""); print name "\t" $0; next }
		{ name = $0; sub(/\([^()]*\)$/, "", name) }
		END { print "goroutine\t" id }' "$1" |
		jq -Rn '[inputs | split("\t")] | {id: (map(select(.[0] == "goroutine"))[0][1] | tonumber? // 0),
			stack: map(select(.[0] != "goroutine") | [.[0], (.[1] | tonumber)])}'
}

# deaths_wrong NAME JSON LOG A B: what is not as it has to be, in words; nothing when all is
deaths_wrong()
{
	jq -rn --slurpfile doc "$2" --argjson own "$(deaths_own "$3")" --arg a "$4" --arg b "$5" --argjson bound "$deaths_bound_ms" \
		--arg message "$(sed -n 's/^fatal error: //p' "$3" | head -n 1)" \
		--argjson newest "$(sed -n 's/^goroutine \([0-9]*\) .*\[.*/\1/p' "$3" | sort -n | tail -n 1)" '
		def is_plain: test("^(runtime|internal/runtime/[a-z]+)\\.|\\.gowrap[0-9]+$|-fm$") | not;
		def plain: [.stack[] | select(.function | is_plain) | [.function, .line]];
		def names: [.stack[].function] | join(" ");
		$doc[0].deaths as $all | ($all // [{}])[0] as $d | ($d.conflict // []) as $c | [$c[1:][] | .goroutine] as $others |
		(if ($all | length) != 1 then "\($all | length) deaths" else
		(if $d.cause != "conflict" or $d.message != $message then "it died of \($d.cause) \($d.message), and says \($message)" else empty end),
		(if $c[0].role != "died" then "the one that died is not the first" else empty end),
		($c[0] // {stack: []} | plain) as $ours | [$own.stack[] | select(.[0] | is_plain)] as $theirs |
		# what the compiler makes of a go statement with arguments is not printed by Go: before 1.22 it has no name of its own
		# of several that come to the check one prints, and not always the first
		(if $c[0].goroutine == $own.id and $theirs != $ours and ($theirs != $ours[:-1] or ($ours[-1][0] | test("\\.func[0-9]+$") | not))
			then "another stack: \($ours | tojson) and \($theirs | tojson)" else empty end),
		(if ($c[0] // {stack: []} | names | test($a) or test($b) | not) then "it is another race: \($c[0] // {stack: []} | names)" else empty end),
		(if $others == [] and $d.not_identified == "" then "nobody is named, without a reason" else empty end),
		(if $d.not_identified != "" and any($c[]; .role == "inside") then "named and not named" else empty end),
		(if ([$c[].goroutine] | unique | length) != ($c | length) then "the same one twice" else empty end),
		# one that ends before the program prints its goroutines is none of those
		($others[] | select(. == 0 or . > $newest + 1000) | "the program never had a goroutine \(.)"),
		($c[1:][] | select(.role == "inside") | names | select(test($a) or test($b) | not) | "inside another race: \(.)"),
		(if $d.stopped_ms > $bound then "it stood still for \($d.stopped_ms) ms" else empty end) end)'
}

# deaths_unseen JSON: why it was not looked at: the watch was over, or it has not stood still for long enough, as its threads had no CPU
# to stop on
deaths_unseen()
{
	jq -r --argjson limit "$deaths_limit" 'if has("deaths") then .deaths[0] | select(.conflict == []) | .snapshot.notes[]
		| select(test("in the time given|were slow to stop|in time:")) elif .duration_s >= $limit then "it died when the watch was over" else empty end' "$1"
}

# deaths_row NAME JSON: for what is told in the end
deaths_row()
{
	jq -r --arg name "$1" '.deaths[0] | [$name, ([.conflict[1:][].role] | unique | join("+")), .stopped_ms, .snapshot.limit_ms // .snapshot.max_freeze_ms,
		.snapshot.unread, .snapshot.goroutines] | @tsv' "$2" >>"$real_tmp/rows"
}

# deaths_judge NAME I JSON LOG A B: false where the program has survived
deaths_judge()
{
	local name="$1, death $2" wrong unseen
	grep -aq '^fatal error: concurrent map' "$4" || return 1
	if [[ ! -s $3 ]]; then
		real_fail "$name: no document"
		return 0
	fi
	unseen=$(deaths_unseen "$3" || true)
	if [[ -n $unseen ]]; then
		[[ $unseen == *"was over" ]] || deaths_late=$((deaths_late + 1))
		echo "        $name: $unseen"
		return 1
	fi
	wrong=$(deaths_wrong "$1" "$3" "$4" "$5" "$6" || echo 'the document cannot be read')
	((deaths_status == 2)) || wrong+="exit status $deaths_status"
	if [[ -n $wrong ]]; then
		real_fail "$name: $wrong"
		cp "$3" "$real_build/$1-$2.json"
		cp "$4" "$real_build/$1-$2.log"
		return 0
	fi
	deaths_row "$1" "$3"
	real_pass "$name: $(jq -r '.deaths[0] | "\(.message); " + (.conflict[1:] | map("the other one \(.role)") | join(", ")) + (if .not_identified != "" then " (\(.not_identified))" else "" end) + "; stopped for \(.stopped_ms) ms"' "$3")"
}

# deaths_attached PID LOG DRIVER...: watched, until it is gone or time is up; its status in deaths_status, in $real_tmp/death.json what is told
deaths_attached()
{
	local target=$1 log=$2 pid driver
	shift 2
	rm -f "$real_tmp/death.json"
	"$maprace" watch -q -p "$target" -d "$deaths_limit" "${deaths_options[@]}" -o "$real_tmp/death.json" </dev/null >"$real_tmp/watch.out" 2>"$real_tmp/watch.err" &
	pid=$!
	real_pids+=("$pid")
	real_await 20 known_attached "$target" "$pid" || true
	"$@" </dev/null >/dev/null 2>&1 &
	driver=$!
	real_pids+=("$driver")
	real_await "$deaths_limit" real_gone "$target" || true
	real_await 20 real_gone "$pid" || true
	real_stop "$pid" INT
	real_stop "$driver" KILL
	real_alive "$target" && return 0
	deaths_status=0
	wait "$target" || deaths_status=$?
}

# deaths_repeat NAME RUN A B: until it has died so often, of three times as many runs
deaths_repeat()
{
	local name=$1 run=$2 died=0 turn deaths_late=0
	for ((turn = 0; turn < 3 * count && died < count; turn++)); do
		deaths_status=
		"$run" || true
		! deaths_judge "$name" $((died + 1)) "$real_tmp/death.json" "$real_tmp/death.log" "$3" "$4" || died=$((died + 1))
	done
	((died)) || real_fail "$name: it did not die in $turn runs of $deaths_limit s"
	((died == 0 || died == count)) || echo "        $name: $died deaths in $turn runs"
	((deaths_late <= died)) || real_fail "$name: more deaths that there was no time to look at than others"
}

deaths_crowdsec_watched()
{
	deaths_attached "$pid" "$dir/log" crowdsec_feed
	cp "$dir/log" "$real_tmp/death.log"
}

deaths_crowdsec_once()
{
	crowdsec_run deaths_crowdsec_watched
}

deaths_of_crowdsec()
{
	crowdsec_begin || return 0
	deaths_repeat "crowdsec-$crowdsec_version" deaths_crowdsec_once "$crowdsec_site" "$crowdsec_site"
}

deaths_influxdb_watched()
{
	deaths_attached "$server_pid" "$server_dir/log" influxdb_drive_stats
	cp "$server_dir/log" "$real_tmp/death.log"
}

deaths_influxdb_once()
{
	influxdb_run deaths_influxdb_watched
}

deaths_of_influxdb()
{
	if influxdb_is_known; then
		deaths_repeat "influxdb-$influxdb_version" deaths_influxdb_once "$influxdb_stats_reader" "$influxdb_stats_writer"
	else
		real_skip "influxdb of bookworm is not $influxdb_version any more"
	fi
}

# deaths_started COMMAND...: by maprace, whose own status is 66 then
deaths_started()
{
	local status=0
	rm -f "$real_tmp/death.json"
	timeout -k 5 $((deaths_limit + 20)) "$maprace" watch -q -d "$deaths_limit" "${deaths_options[@]}" -o "$real_tmp/death.json" -- "$@" \
		</dev/null >"$real_tmp/watch.out" 2>"$real_tmp/death.log" || status=$?
	deaths_status=$(jq '.targets[0].exit.code' "$real_tmp/death.json" || echo 0)
	((status == 66)) || deaths_status="$deaths_status, and that of maprace $status"
}

deaths_hugo_once()
{
	rm -rf "$real_tmp/public"
	HOME=$real_tmp HUGO_CACHEDIR=$real_tmp/cache LD_LIBRARY_PATH=$hugo_libs deaths_started "${hugo_args[@]}"
}

deaths_of_hugo()
{
	"$real_src/site.sh" "$real_tmp/site" 100 300 0
	! hugo_choose bookworm 0.111.3 || deaths_repeat hugo-0.111.3 deaths_hugo_once GetSortedMapValues SetInMap
	! hugo_choose trixie 0.131.0 || deaths_repeat hugo-0.131.0 deaths_hugo_once GetSortedMapValues SetInMap
}

deaths_corpus_once()
{
	deaths_started "$real_tmp/service" tight "$deaths_limit"
}

# deaths_build VERSION NAME
deaths_build()
{
	local root
	root=$("$real_top/scripts/debs.sh" go "$1")
	GOROOT=$root GOTOOLCHAIN=local GOPROXY=off GO111MODULE=off GOFLAGS='' GOCACHE=${MAPRACE_CACHE:-$real_top/build/cache}/gocache CGO_ENABLED=0 \
		"$root/bin/go" build -ldflags='-s -w' -o "$real_tmp/service" "$real_top/tests/corpus/racy_$2.go" "$real_top/tests/corpus/pace.go"
}

deaths_of_corpus()
{
	local one
	for one in "${corpus[@]}"; do
		deaths_build "${one%/*}" "${one#*/}" || { real_fail "${one#*/} is built" && continue; }
		deaths_repeat "${one#*/}-${one%/*}" deaths_corpus_once '(^| )main\.' '(^| )main\.'
	done
}

deaths_sum()
{
	awk -F'\t' '
		!($1 in n) { order[++programs] = $1 }
		{ n[$1]++; inside[$1] += $2 ~ /inside/; last[$1] += $2 == "last"; late[$1] += $3 > $4; if ($3 > most[$1]) most[$1] = $3; whole[$1] += !$5 }
		END { for (i = 1; i <= programs; i++) { k = order[i]
			printf "        %s: %d deaths; the other one named in %d by its stack and in %d as it stood after; all goroutines read in %d; stops longer than --max-freeze: %d, the longest %.1f ms\n",
				k, n[k], inside[k], last[k], whole[k], late[k], most[k] } }' "$real_tmp/rows"
}

real_begin
real_tools
: >"$real_tmp/rows"
for part in "${parts[@]}"; do
	echo "# $part"
	"deaths_of_$part"
done
deaths_sum
real_close
