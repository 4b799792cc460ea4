# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# What the runs with real programs share: results, cleaning up by process id, the helper programs, Debian's packages.
# Sourced; the caller has set -euo pipefail.

# shellcheck disable=SC2034 # several are for the callers
real_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
real_src=$real_top/tests/real
real_build=$real_top/build/real
maprace=${MAPRACE:-$real_top/build/maprace}
real_passed=0
real_failed=0
real_skipped=0
real_pids=()
real_tmp=

real_pass()
{
	echo "ok      $*"
	real_passed=$((real_passed + 1))
}

real_fail()
{
	echo "FAILED  $*"
	real_failed=$((real_failed + 1))
}

real_skip()
{
	echo "skipped $*"
	real_skipped=$((real_skipped + 1))
}

# real_check WHAT COMMAND...: the command's success is the result
real_check()
{
	local what=$1
	shift
	if "$@"; then
		real_pass "$what"
	else
		real_fail "$what"
	fi
}

# the closing line, and the status of the script
real_close()
{
	echo "$real_passed passed, $real_failed failed, $real_skipped skipped"
	((real_failed == 0 && real_passed > 0))
}

# real_true EXPRESSION: of jq, on numbers
real_true()
{
	jq -en "$1" >/dev/null
}

real_show() # a file, indented
{
	[[ ! -s $1 ]] || sed 's/^/        /' "$1"
}

# --- processes and files of our own -----------------------------------------------------------------------------------

real_cleanup()
{
	local pid
	for pid in "${real_pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	for pid in "${real_pids[@]}"; do
		wait "$pid" 2>/dev/null || true
	done
	[[ -z $real_tmp ]] || rm -rf "$real_tmp"
}

# a scratch folder in memory where there is some, so that the disk does not blur the latencies
real_begin()
{
	local base=/dev/shm
	[[ -d $base && -w $base ]] || base=${TMPDIR:-/tmp}
	real_tmp=$(mktemp -d "$base/maprace-real.XXXXXX")
	trap real_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir -p "$real_build"
}

real_alive()
{
	local state
	state=$(awk '{ sub(/.*\) /, ""); print $1 }' "/proc/$1/stat" 2>/dev/null) && [[ -n $state && $state != Z ]]
}

# real_stop PID SIGNAL: ends a child of ours, its status in real_status
real_stop()
{
	local pid=$1 left=() other
	real_status=0
	{ # without the shell's own words about a process that was killed
		kill -"$2" "$pid" || true
		real_await 10 real_gone "$pid" || kill -KILL "$pid" || true
		wait "$pid" || real_status=$?
	} 2>/dev/null
	for other in "${real_pids[@]}"; do
		[[ $other == "$pid" ]] || left+=("$other")
	done
	real_pids=("${left[@]}")
}

real_gone()
{
	! real_alive "$1"
}

# real_await SECONDS COMMAND...: until the command succeeds
real_await()
{
	local deadline=$((SECONDS + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || return 1
		sleep 0.02
	done
}

# --- programs ---------------------------------------------------------------------------------------------------------

# the load generator and its company, from C
real_tools()
{
	local cc=(gcc -D_GNU_SOURCE -std=gnu17 -O2 -Wall -Wextra -Werror)
	mkdir -p "$real_build"
	(
		cd "$real_src" || exit 1
		"${cc[@]}" -o "$real_build/load" load.c plan.c http.c
		"${cc[@]}" -o "$real_build/serve" serve.c http.c
		"${cc[@]}" -o "$real_build/textcmp" textcmp.c
	)
}

real_root() # SUITE PACKAGE...
{
	"$real_top/scripts/debs.sh" get "$@"
}

# Is any byte of a process's text not its file's? (a uprobe is an int3)
text_probed()
{
	local status=0
	"$real_build/textcmp" "$1" >/dev/null || status=$?
	((status == 3))
}

text_intact()
{
	"$real_build/textcmp" "$1" >/dev/null
}
