# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash disable=SC2154 # case_name: set by vmcase
# Where less is allowed than usual.

# in_pid_namespace CASE...: all of it, the watched program too, in a PID namespace of its own, as in a sidecar
in_pid_namespace()
{
	unshare -pf --mount-proc sh /vm/guest/vmcase "$case_name" "$*"
}
