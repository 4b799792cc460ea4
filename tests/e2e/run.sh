#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# End to end: maprace against small Go programs whose verdict is in their name, over Go versions and ways to build.
#
# usage: tests/e2e/run.sh [--quick|--all] [--go VERSION]... [--variant V]... [--case PATTERN]... [--seconds N]
#                         [--pid|--cmd] [--with OPTION]... [--build-only] [--list] [--no-extra]
#   --quick       (default) a selection of versions and cases in about 5 minutes, then errors.sh, lifecycle.sh, verdicts.sh,
#                 recording.sh, growth.sh, panics.sh, hostile.sh, silence.sh, state.sh, follow.sh, host.sh, daemon.sh, top.sh, vitals.sh, snapshot.sh,
#                 memory.sh, audit.sh
#   --all         every case on every version, and core.sh; clean ones for 20 s each: about an hour and a half
#   --go, --variant, --case   only these, all of them (may be repeated); variants: plain stripped pie external noswiss
#   --seconds N   how long a clean case is watched
#   --pid, --cmd  always attach to a running program, or always start it (otherwise the two alternate)
#   --with OPTION one more option for maprace watch, as in --with --budget=100 (may be repeated)
#   --build-only  build the programs into build/e2e/VERSION[-VARIANT]/NAME and stop
#   --list        print what would be run
# Needs root. A racy case passes when all its races are proved within 20 s and nothing else is reported; a clean one when
# nothing is reported; either only if the program itself was not harmed.
set -euo pipefail
export LC_ALL=C
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/errors.sh
. "$(dirname "${BASH_SOURCE[0]}")/errors.sh"
# shellcheck source=tests/e2e/lifecycle.sh
. "$(dirname "${BASH_SOURCE[0]}")/lifecycle.sh"
# shellcheck source=tests/e2e/verdicts.sh
. "$(dirname "${BASH_SOURCE[0]}")/verdicts.sh"
# shellcheck source=tests/e2e/recording.sh
. "$(dirname "${BASH_SOURCE[0]}")/recording.sh"
# shellcheck source=tests/e2e/growth.sh
. "$(dirname "${BASH_SOURCE[0]}")/growth.sh"
# shellcheck source=tests/e2e/panics.sh
. "$(dirname "${BASH_SOURCE[0]}")/panics.sh"
# shellcheck source=tests/e2e/hostile.sh
. "$(dirname "${BASH_SOURCE[0]}")/hostile.sh"
# shellcheck source=tests/e2e/silence.sh
. "$(dirname "${BASH_SOURCE[0]}")/silence.sh"
# shellcheck source=tests/e2e/state.sh
. "$(dirname "${BASH_SOURCE[0]}")/state.sh"
# shellcheck source=tests/e2e/follow.sh
. "$(dirname "${BASH_SOURCE[0]}")/follow.sh"
# shellcheck source=tests/e2e/host.sh
. "$(dirname "${BASH_SOURCE[0]}")/host.sh"
# shellcheck source=tests/e2e/daemon.sh
. "$(dirname "${BASH_SOURCE[0]}")/daemon.sh"
# shellcheck source=tests/e2e/top.sh
. "$(dirname "${BASH_SOURCE[0]}")/top.sh"
# shellcheck source=tests/e2e/death.sh
. "$(dirname "${BASH_SOURCE[0]}")/death.sh"
# shellcheck source=tests/e2e/memory.sh
. "$(dirname "${BASH_SOURCE[0]}")/memory.sh"
# shellcheck source=tests/e2e/vitals.sh
. "$(dirname "${BASH_SOURCE[0]}")/vitals.sh"
# shellcheck source=tests/e2e/snapshot.sh
. "$(dirname "${BASH_SOURCE[0]}")/snapshot.sh"
# shellcheck source=tests/e2e/core.sh
. "$(dirname "${BASH_SOURCE[0]}")/core.sh"
# shellcheck source=tests/e2e/audit.sh
. "$(dirname "${BASH_SOURCE[0]}")/audit.sh"

main_versions=(1.19 1.23 1.24 1.27)
other_versions=(1.21 1.22 1.25 1.26)
core='race_(write_write|read_write|delete_read|iterate_write|clear_write|growth_read)'
variants_sample='race_(read_write|delete_write|iterate_write|reflect_set|inlined|cgo)|clean_(mutex|recycled|readonly)'
proof_bound=20
own_check=0 # racy programs that died of Go's own check while they were watched

scope=quick seconds='' mode='' build_only='' list='' extra=yes
only_go=() only_variant=() only_case=() with=()

parse_options()
{
	while (($#)); do
		case $1 in
		--quick | --all) scope=${1#--} ;;
		--go) only_go+=("${2:?}") && shift ;;
		--variant) only_variant+=("${2:?}") && shift ;;
		--case) only_case+=("${2:?}") && shift ;;
		--seconds) seconds=${2:?} && shift ;;
		--pid | --cmd) mode=${1#--} ;;
		--with) with+=("${2:?}") && shift ;;
		--build-only) build_only=yes ;;
		--list) list=yes ;;
		--no-extra) extra='' ;;
		*) e2e_die "unknown option $1 (see the top of the file)" ;;
		esac
		shift
	done
	((${#only_go[@]} + ${#only_variant[@]} + ${#only_case[@]} == 0)) || extra=''
}

# ---- the plan: one line "BUILD CASE" a run ---------------------------------------------------------------------------

cases()
{
	local file
	for file in "$e2e_dir"/cases/{race,clean}_*.go; do
		basename "$file" .go
	done
}

plan_all()
{
	local version name
	for name in $(cases); do
		for version in "${main_versions[@]}"; do
			echo "$version $name"
			echo "$version-stripped $name"
		done
		for version in "${other_versions[@]}"; do
			[[ $name == clean_* ]] || echo "$version-stripped $name"
		done
		[[ $name =~ ^($variants_sample)$ ]] || continue
		echo "1.24-noswiss $name"
		for version in "${main_versions[@]}"; do
			echo "$version-pie $name"
			echo "$version-external $name"
		done
	done
}

# Core cases on four versions, the others on one classic and one Swiss version each.
plan_quick()
{
	local name index=0
	for name in $(cases); do
		index=$((index + 1))
		if [[ $name =~ ^$core$ ]]; then
			printf '%s-stripped '"$name"'\n' "${main_versions[@]}"
		elif ((index % 2)); then
			printf '%s '"$name"'\n' 1.19-stripped 1.24-stripped
		else
			printf '%s '"$name"'\n' 1.23-stripped 1.27-stripped
		fi
	done
	printf '%s race_read_write\n' 1.24 1.27-pie 1.23-pie 1.19-external 1.24-noswiss
}

plan_filtered()
{
	local name version variant
	local versions=("${only_go[@]}") variants=("${only_variant[@]:-stripped}")
	((${#versions[@]})) || versions=("${main_versions[@]}")
	for name in $(cases); do
		wanted "$name" || continue
		for version in "${versions[@]}"; do
			for variant in "${variants[@]}"; do
				[[ $variant == plain ]] && echo "$version $name" || echo "$version-$variant $name"
			done
		done
	done
}

wanted()
{
	local pattern
	((${#only_case[@]})) || return 0
	for pattern in "${only_case[@]}"; do
		# shellcheck disable=SC2053 # a pattern
		[[ $1 != $pattern ]] || return 0
	done
	return 1
}

plan()
{
	if ((${#only_go[@]} + ${#only_variant[@]} + ${#only_case[@]})); then
		plan_filtered
	else
		"plan_$scope"
	fi
}

# why a case cannot be run with a build, or nothing
not_possible()
{
	local minimum version=${1%%-*} source=$e2e_dir/cases/$2.go
	minimum=$(sed -n 's,^// MIN-GO ,,p' "$source")
	if [[ -n $minimum ]] && ((${version#1.} < ${minimum#1.})); then
		echo "needs Go $minimum"
	elif grep -q '^// CGO$' "$source" && ! command -v gcc >/dev/null; then
		echo "needs a C compiler"
	elif [[ $1 == *-external ]] && ! command -v gcc >/dev/null; then
		echo "needs a C compiler"
	fi
}

# ---- one run ---------------------------------------------------------------------------------------------------------

# start_maprace ARG...: in the background, as $watcher
start_maprace()
{
	"${calm[@]}" "$maprace" watch "${with[@]}" "$@" >"$work/maprace.out" 2>"$work/maprace.err" &
	watcher=$!
}

# what has been reported so far, in the words of the directives, from the lines or from the document
races_so_far()
{
	grep '^{"type":\|^{"type" :\|^{ "type"' "$work/maprace.out" 2>/dev/null |
		jq -Rr --arg file "$name.go" "fromjson? | select(.type == \"race\") | {races: [.data]} | $(<"$e2e_dir/races.jq")" |
		sort -u
}

races_in_document()
{
	jq -r --arg file "$name.go" -f "$e2e_dir/races.jq" "$work/out.json" | sort -u
}

# all that the case expects is there
all_proved()
{
	races_so_far >"$work/so-far" 2>/dev/null || return 1
	[[ -z $(comm -23 <(sed -n 's/^EXPECT /RACE /p' "$work/directives" | sort -u) "$work/so-far") ]]
}

proved_or_over()
{
	gone "$watcher" || all_proved
}

# watch_it OPTIONS...: runs maprace on the program, started by us or by maprace; sets status
watch_it()
{
	local options=("$@") program=$e2e_build/$build/$name
	local calm=("${calm[@]}")
	[[ $name == race_* ]] || calm=()
	if [[ $how == pid ]]; then
		if ! start_target "${calm[@]}" "$program"; then
			why="the program does not start"
			return 1
		fi
		start_maprace -p "$target" "${options[@]}"
	else
		start_maprace "${options[@]}" -- "$program" "$run_seconds"
	fi
}

# end_watch SECONDS: waits for maprace
end_watch()
{
	status=0
	if ! wait_until "$1" gone "$watcher"; then
		kill -KILL "$watcher" 2>/dev/null || true
		why="maprace did not end"
		wait "$watcher" 2>/dev/null || true
		return 1
	fi
	wait "$watcher" 2>/dev/null || status=$?
}

# A racy program may die of its race, after the proof; that is counted and told. Anything else is harm.
target_unharmed()
{
	local output=$work/maprace.out
	if [[ $how == pid ]]; then
		output=$work/target
		stop_target && return
	else
		unharmed "$output" && return
	fi
	if [[ $name == race_* ]] && grep -q '^fatal error: concurrent map' "$work"/{target,maprace.err} 2>/dev/null; then
		own_check=$((own_check + 1))
		died=', then died of it by itself'
		return
	fi
	why="the program was harmed, or ended by itself"
	return 1
}

check_race()
{
	local several run_seconds=60
	several=$(grep -c '^EXPECT\|^ALLOW' "$work/directives")
	if ((several == 1)) && [[ $scope == quick ]]; then
		watch_it -d "$proof_bound" --json -o "$work/out.json" --halt-on-race || return 1
	else
		watch_it -d "$proof_bound" --json -o "$work/out.json" || return 1
		if wait_until "$((proof_bound + 5))" proved_or_over && ! gone "$watcher"; then
			sleep 0.5 # for what must not come
			kill -INT "$watcher" 2>/dev/null || true
		fi
	fi
	end_watch "$((proof_bound + 15))" || return 1
	[[ -s $work/out.json ]] || { why="no document" && return 1; }
	compare_races && target_unharmed || return 1
	((status == 66)) || { why="exit status $status, not 66" && return 1; }
	figures=$(jq -r --arg died "$died" '([.races[].first_seen_s] | max) as $t | (.races | map(.evidence) | unique | join("+")) as $e
		| "proved after \($t * 1000 | round / 1000) s, \(.races | length) races by \($e), \(.stats.holds) holds, \(.stats.operations) operations\($died)"' \
		"$work/out.json")
}

compare_races()
{
	local missing surplus strange never
	races_in_document >"$work/found" || { why="the document cannot be read" && return 1; }
	missing=$(comm -23 <(sed -n 's/^EXPECT /RACE /p; /^CREATED/p' "$work/directives" | sort -u) "$work/found")
	surplus=$(comm -13 <(sed -n 's/^\(EXPECT\|ALLOW\) /RACE /p' "$work/directives" | sort -u) <(grep '^RACE' "$work/found"))
	strange=$(sed -n 's/^FATAL //p' "$work/found" | while read -r site; do
		grep -qF ":$site" "$work/directives" || echo "$site"
	done
	sed -n 's/^LONE //p' "$work/found" | while IFS='|' read -r kind site; do
		grep -E '^(EXPECT|ALLOW) ' "$work/directives" | grep -F " $kind|" | grep -qF "|$site" || echo "$site"
	done)
	while read -r never; do
		case $never in
		kind=*) grep -E "^(RACE|LONE) ${never#kind=}[|]" "$work/found" ;;
		function=*) grep -Fx "FRAME ${never#function=}" "$work/found" ;;
		esac
	done < <(sed -n 's/^NEVER //p' "$work/directives") >"$work/never" || true
	if [[ -s $work/never ]]; then
		why="reported what must never be"
	elif [[ -n $surplus ]]; then
		why="reported what is not expected: $surplus"
	elif [[ -n $strange ]]; then
		why="the process died, or entered an operation under way, where it is not expected: $strange"
	elif [[ -n $missing ]]; then
		why="not proved within $proof_bound s: $missing"
	else
		return 0
	fi
	return 1
}

check_clean()
{
	local run_seconds=$((seconds + 30)) races operations unseen version
	watch_it -d "$seconds" -o "$work/out.json" || return 1
	end_watch "$((seconds + 15))" || return 1
	[[ -s $work/out.json ]] || { why="no document" && return 1; }
	races=$(jq '.races | length' "$work/out.json")
	operations=$(jq '.stats.operations' "$work/out.json")
	((races == 0)) || { why="$races false proofs" && return 1; }
	((status == 0)) || { why="exit status $status, not 0" && return 1; }
	target_unharmed || return 1
	unseen=$(sed -n 's/^UNSEEN 1\.//p' "$work/directives")
	version=${build%%-*}
	if ((operations < 100)) && ! ((${unseen:-99} <= ${version#1.})); then
		why="only $operations operations were seen: nothing was tested"
		return 1
	fi
	figures=$(jq -r '"nothing in \(.stats.operations) operations and \(.stats.holds) holds"' "$work/out.json")
}

# the first race was one that somebody was met inside of: who it was is not always certain
half_named()
{
	grep -q '^LONE' "$work/found"
}

run_one()
{
	local build=$1 name=$2 how=$3 why='' figures='' died='' watcher status=0 tries=0
	while ((++tries)); do
		fresh_work "run"
		awk -f "$e2e_dir/expect.awk" "$e2e_dir/cases/$name.go" >"$work/directives"
		if ! build_case "$build" "$name" >"$work/build" 2>&1; then
			fail "$build $name" "it does not compile"
			return
		fi
		if "check_${name%%_*}"; then
			pass "$build $name ($how): $figures"
			return
		fi
		# only what is missing may be for that, not what is wrong
		if [[ $why != 'not proved'* ]] || ((tries == 5)) || ! { died_of_its_race || half_named; }; then break; fi
		cleanup
		target=
	done
	fail "$build $name ($how)" "$why"
	cleanup
	target=
}

# ---- all -------------------------------------------------------------------------------------------------------------

# build_all: of the plan on standard input, two at a time
build_all()
{
	local build name
	while read -r build name; do
		[[ -z $(not_possible "$build" "$name") ]] || continue
		while (($(jobs -rp | wc -l) >= 2)); do
			wait -n || true
		done
		go_root "${build%%-*}" || continue
		build_case "$build" "$name" &
	done
	wait
}

run_plan()
{
	local build name index=0 reason how
	while read -r build name; do
		index=$((index + 1))
		how=${mode:-pid}
		[[ -n $mode ]] || ((index % 2)) || how=cmd
		reason=$(not_possible "$build" "$name")
		if [[ -n $reason ]]; then
			skip "$build $name" "$reason"
		else
			run_one "$build" "$name" "$how" </dev/null
		fi
	done
}

# Clean programs mostly wait, and in a crowd their timing is only odder.
clean_lane() # N: every other one
{
	run_plan < <(awk -v n="$1" "NR % 2 == n" <<<"$clean")
}

# Those that keep times to themselves, and those that mostly wait.
extra_lane() # N
{
	if (($1 == 0)); then
		lifecycle_all
		verdicts_all "$scope"
		[[ $scope == all ]] || panics_versions=(1.19 1.24 1.27) panics_names=(corpus attached deaths values clean) vitals_names='figures leak log'
		panics_all
		memory_all
		vitals_all
	else
		errors_all
		recording_all
		growth_all
		hostile_all
		silence_all
		[[ $scope == all ]] || state_names='bad once clean'
		state_all
		follow_all
		[[ $scope == all ]] || host_only=(come_and_go) daemon_only=(story settings) top_only=(json)
		host_all
		daemon_all
		top_all
		[[ $scope != all ]] || snapshot_versions+=("${other_versions[@]}")
		snapshot_all
		[[ $scope != all ]] || core_all
		death_all
		audit_all
	fi
}

# run_lane N COMMAND: with N, into files of its own
run_lane()
{
	lane=$1 passed=0 failed=0 skipped=0 own_check=0
	trap cleanup EXIT
	trap 'exit 1' INT TERM
	"$2" "$1" >"$lanes/$1.out" </dev/null
	echo "$passed $failed $skipped $own_check" >"$lanes/$1.counts"
}

lane_pids=()
# Interrupted, each ends what it has begun.
lanes_end()
{
	((${#lane_pids[@]} == 0)) || { kill -TERM "${lane_pids[@]}" 2>/dev/null && wait; } || true
	cleanup
	rm -rf "$e2e_build/work/$$"
}

# run_lanes NAME: two of them at once, NAME_lane 0 and NAME_lane 1
run_lanes()
{
	local lanes n p f s o line
	fresh_work lanes
	guard ''
	lanes=$work shown=0
	trap lanes_end EXIT
	for n in 0 1; do
		(run_lane "$n" "$1_lane") &
		lane_pids+=("$!")
	done
	wait
	lane_pids=()
	for n in 0 1; do
		[[ -s $lanes/$n.counts ]] || e2e_die "a lane did not come to its end: $(tail -n 3 "$lanes/$n.out")"
		while IFS= read -r line; do
			case $line in
			'ok '[0-9]* | 'not ok '[0-9]*)
				p=${line%%ok *}ok f=${line#* - }
				shown=$((shown + 1))
				line="$p $((passed + failed + skipped + shown)) - $f"
				;;
			esac
			echo "$line"
		done <"$lanes/$n.out"
	done
	for n in 0 1; do
		read -r p f s o <"$lanes/$n.counts"
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s)) own_check=$((own_check + o))
	done
}

main()
{
	local the_plan clean shown
	parse_options "$@"
	[[ -n $seconds ]] || seconds=$([[ $scope == all ]] && echo 20 || echo 3)
	the_plan=$(plan)
	if [[ -n $list ]]; then
		echo "$the_plan"
		exit 0
	fi
	[[ -n $the_plan ]] || e2e_die "no such case"
	build_all <<<"$the_plan"
	[[ -z $build_only ]] || exit 0
	[[ -x $maprace ]] || e2e_die "$maprace is not built"
	command -v jq >/dev/null || e2e_die "jq is missing (make deps)"
	((EUID == 0)) || e2e_die "has to be run as root"
	clean=$(grep ' clean_' <<<"$the_plan" || true)
	run_plan < <(grep -v ' clean_' <<<"$the_plan" || true)
	[[ -z $clean ]] || run_lanes clean
	((own_check == 0)) || echo "# Go's own check fired in $own_check runs of racy programs, after the proof"
	[[ -z $extra ]] || run_lanes extra
	finish
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	main "$@"
fi
