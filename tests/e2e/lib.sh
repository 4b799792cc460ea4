# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# What the end-to-end runners share: programs are built, started and ended here, and results are counted.

e2e_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
e2e_top=$(cd "$e2e_dir/../.." && pwd)
e2e_build=${E2E_BUILD:-$e2e_top/build/e2e}
# shellcheck disable=SC2034 # used by those that source this
maprace=${MAPRACE:-$e2e_top/build/maprace}
passed=0 failed=0 skipped=0
lane= # of several that run cases at once
case_seconds=${E2E_CASE_SECONDS:-240} # no case takes longer
guarded= # the shell that a watchdog looks after
work= # the folder of the running case's files
target= # the process id of the running case's target

# Racy programs keep their accesses apart by the clock. On a busy machine a goroutine may lose its CPU in the middle of one, for
# milliseconds: Go's own check then sees the race, and the other side of a hold comes too late. Real-time priority keeps both out. Not
# first come, first served (-f): as many goroutines as there are CPUs, which turn in a loop until another one gets on, then keep that
# one, and everybody else, from a CPU for ever, also Go's own thread that would interrupt them.
# shellcheck disable=SC2034 # used by those that source this
calm=()
# shellcheck disable=SC2034
! chrt -r 1 true 2>/dev/null || calm=(chrt -r 1)

nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups) # in front of a command

# with_only CAPABILITY,...: sets `with_caps`, to go in front of a command: nobody, with these
with_only()
{
	local caps=-all,+${1//,/,+}
	# shellcheck disable=SC2034
	with_caps=("${nobody[@]}" --inh-caps="$caps" --ambient-caps="$caps" --bounding-set="$caps")
}

e2e_die()
{
	echo "${0##*/}: $*" >&2
	exit 2
}

# ---- results ---------------------------------------------------------------------------------------------------------

pass()
{
	guard ''
	passed=$((passed + 1))
	echo "ok $((passed + failed + skipped)) - $*"
}

# fail NAME WHY: with all that the case left behind
fail()
{
	local file
	guard ''
	failed=$((failed + 1))
	echo "not ok $((passed + failed + skipped)) - $1"
	echo "# $2"
	for file in "$work"/*; do
		[[ -f $file && -s $file ]] || continue
		echo "# --- ${file##*/}"
		sed 's/^/# /' "$file"
	done
}

skip()
{
	guard ''
	skipped=$((skipped + 1))
	echo "ok $((passed + failed + skipped)) - $1 # SKIP $2"
}

finish()
{
	echo "$passed passed, $failed failed, $skipped skipped"
	((failed == 0 && passed > 0))
}

fresh_work()
{
	work=$e2e_build/work/$$/${lane:+lane$lane/}$1 # several runners may be at work
	rm -rf "$work"
	mkdir -p "$work"
	guard "$1"
}

# guard [NAME]: a case begins, that may not take for ever; without a name: it has ended
guard()
{
	local shell=$BASHPID file
	file=$e2e_build/work/$$/case.$shell
	if [[ -n $1 && $guarded != "$shell" ]]; then
		guarded=$shell
		("$e2e_dir/watchdog.sh" "$shell" "$file" "$case_seconds" &)
	fi
	[[ $guarded != "$shell" ]] || echo -n "$1" >"$file"
}

# watch ARG...: in the background as $watcher; what an earlier one has said is gone when it begins
watch()
{
	rm -f "$work"/{out.json,stdout,stderr}
	"$maprace" watch -o "$work/out.json" "$@" >"$work/stdout" 2>"$work/stderr" &
	# shellcheck disable=SC2034 # for whoever calls
	watcher=$!
}

# watching: whether the maprace whose words go to $work/stderr says that it does
watching()
{
	grep -qs '^maprace: watching' "$work/stderr"
}

# ---- programs --------------------------------------------------------------------------------------------------------

# go_root VERSION: fetched once
declare -A go_roots
go_root()
{
	[[ -n ${go_roots[$1]:-} ]] || go_roots[$1]=$("$e2e_top/scripts/debs.sh" go "$1")
	goroot=${go_roots[$1]}
}

# VERSION[-VARIANT] of a program is the folder it is built into
variant_of()
{
	case $1 in
	*-*) echo "${1#*-}" ;;
	*) echo plain ;;
	esac
}

# build_program BUILD SOURCE...: compiles unless what is there is newer than the sources
build_program()
{
	local build=$1 version=${1%%-*} variant out source stale='' cgo=0 ldflags='' experiment='' mode=exe
	shift
	variant=$(variant_of "$build")
	out=$e2e_build/$build/$(basename "$1" .go)
	for source in "$@"; do
		[[ $out -nt $source ]] || stale=yes
	done
	[[ -n $stale ]] || return 0
	case $variant in
	plain) ;;
	stripped) ldflags='-s -w' ;;
	pie) ldflags='-s -w' mode=pie ;;
	external) ldflags='-s -w -linkmode=external' cgo=1 ;;
	noswiss) experiment=noswissmap ;;
	race) cgo=1 ;;
	plugin) ldflags='-s -w' mode=plugin cgo=1 ;;
	cshared) ldflags='-s -w' mode=c-shared cgo=1 ;;
	*) e2e_die "no such variant: $variant" ;;
	esac
	! grep -q '^// CGO$' "$1" || cgo=1
	go_root "$version"
	mkdir -p "$e2e_build/$build"
	GOROOT=$goroot GOTOOLCHAIN=local GOPROXY=off GO111MODULE=off GOFLAGS='' GOCACHE=${MAPRACE_CACHE:-$e2e_top/build/cache}/gocache CGO_ENABLED=$cgo \
		GOEXPERIMENT=$experiment "$goroot/bin/go" build -buildmode="$mode" -ldflags="$ldflags" \
		${cgo_race[$variant]:+-race} -o "$out" "$@"
}
declare -A cgo_race=([race]=yes)

build_case()
{
	build_program "$1" "$e2e_dir/cases/$2.go" "$e2e_dir/cases/harness.go"
}

# start_target PROGRAM [ARG...]: until it says that it is ready; its output is in $work/target, an earlier one's in another target.*
start_target()
{
	[[ ! -e $work/target ]] || mv "$work/target" "$(mktemp "$work/target.XXXXXX")"
	"$@" >"$work/target" 2>&1 &
	target=$!
	wait_until "${starting_s:-10}" grep -qs '^ready' "$work/target"
}

# stop_target: asks it to end; true when it did so unharmed, having counted operations
stop_target()
{
	local status=0 pid=$target
	target=
	kill -TERM "$pid" 2>/dev/null || true
	wait_until 10 gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || status=$?
	echo "target's exit status $status" >"$work/target.status"
	((status == 0)) && unharmed "$work/target"
}

unharmed()
{
	grep -qs '^ok [1-9][0-9]* operations$' "$1"
}

# Whether a racy program of the running case has died of its race, by Go's own check: nobody has done anything wrong then, but
# the case cannot say what it is to say, and begins anew.
died_of_its_race()
{
	grep -aqs '^fatal error: concurrent map' "$work"/target* "$work/maprace.err"
}

# gone PID: ended, be it not waited for yet
gone()
{
	local state=
	[[ -r /proc/$1/stat ]] || return 0
	read -r _ _ state _ <"/proc/$1/stat" 2>/dev/null || return 0
	[[ $state == Z || $state == X ]]
}

# wait_until SECONDS COMMAND...: polls; false when time is up, which is counted in turns too: a machine that stands still for seconds, as
# those that have many guests do, uses up one of them, not all
wait_until()
{
	local began=${EPOCHREALTIME/./} turns=$(($1 * 20)) least=$(($1 * 1000000)) turn=0 passed_us=0
	shift
	until "$@"; do
		((turn++ < turns || passed_us < least)) && ((passed_us < 6 * least)) || return 1
		sleep 0.05
		passed_us=$((${EPOCHREALTIME/./} - began))
	done
}

# Whatever happens, nothing of ours stays behind.
cleanup()
{
	local pid
	for pid in $target $(jobs -p); do
		{ kill -KILL "$pid" && wait "$pid"; } 2>/dev/null || true
	done
}
trap 'cleanup; rm -rf "$e2e_build/work/$$"' EXIT

# ---- probes in a live process ----------------------------------------------------------------------------------------

# text_differs PID: whether the process's code is not what its file has (a probe is a byte in it).
# Status 0 differs, 1 the same, 2 unknown
text_differs()
{
	local range offset start size from
	read -r range _ offset _ < <(awk '$2 ~ /x/ && $6 ~ /^\// { print; exit }' "/proc/$1/maps") || return 2
	start=$((16#${range%-*})) size=$((16#${range#*-} - start)) from=$((16#$offset))
	cmp -s <(dd if="/proc/$1/mem" bs=65536 iflag=skip_bytes,count_bytes skip="$start" count="$size" 2>/dev/null) \
		<(dd if="/proc/$1/exe" bs=65536 iflag=skip_bytes,count_bytes skip="$from" count="$size" 2>/dev/null |
			cat - /dev/zero | head -c "$size")
	case $? in
	0) return 1 ;;
	1) return 0 ;;
	esac
	return 2
}

text_same()
{
	local status=0
	text_differs "$1" || status=$?
	((status == 1))
}
