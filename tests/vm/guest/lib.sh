# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# For the cases. A case is a function; it ends with `die` (failed), `skip` (cannot be told here) or by returning 0.

die()
{
	echo "FAIL: $*"
	exit 1
}

skip()
{
	echo "SKIP: $*"
	exit 77
}

# fact NAME VALUE...: something measured, for the tables; NAME has no spaces
fact()
{
	echo "$*" >>/tmp/case.facts
}

# expect_status WANTED COMMAND...: runs it with its output in ./out and ./err, dies when the status is another
expect_status()
{
	local wanted=$1 status=0
	shift
	"$@" >out 2>err </dev/null || status=$?
	[ "$status" -eq "$wanted" ] || {
		show out err
		die "status $status instead of $wanted: $*"
	}
}

# expect_line FILE REGEX
expect_line()
{
	grep -Eq -- "$2" "$1" || {
		show "$1"
		die "no line like '$2' in $1"
	}
}

never_line()
{
	if grep -Eq -- "$2" "$1"; then
		show "$1"
		die "a line like '$2' in $1"
	fi
}

show()
{
	local file
	for file in "$@"; do
		echo "--- $file"
		[ ! -s "$file" ] || cat "$file"
	done
}

# wait_for SECONDS COMMAND...: until it succeeds; status 1 when the time is over
wait_for()
{
	local tries=$(($1 * 10))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$tries" -gt 0 ] || return 1
		tries=$((tries - 1))
		usleep 100000
	done
}
