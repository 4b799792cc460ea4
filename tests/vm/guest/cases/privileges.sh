# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash disable=SC2154 # set elsewhere: case_name by vmcase, go_target by go_start
# Where less is allowed than usual.

# in_pid_namespace CASE...: all of it, the watched program too, in a PID namespace of its own, as in a sidecar
in_pid_namespace()
{
	unshare -pf --mount-proc sh /vm/guest/vmcase "$case_name" "$*"
}

# locked_memory KB CASE...: under that limit, which only CAP_SYS_RESOURCE lifts
locked_memory()
{
	# shellcheck disable=SC3045 # busybox has it
	ulimit -l "$1"
	shift
	"$@"
}

# refused_hint PROGRAM REGEX COMMAND...: watching it as COMMAND ends with a hint like REGEX, and the program is left alone
refused_hint()
{
	local program=$1 regex=$2
	shift 2
	go_start target "$program"
	expect_status 1 "$@" maprace watch -p "$go_target" -d 5
	cat err
	expect_line err "hint: .*$regex"
	go_stop target
}
