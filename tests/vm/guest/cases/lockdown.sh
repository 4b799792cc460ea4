# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# Kernel lockdown.
# shellcheck disable=SC2154 # go_target: set by go_start (watch.sh)

# locked_down CASE...: in the strictest lockdown there is. It cannot be left again: for the last cases of the list.
locked_down()
{
	grep -q '\[confidentiality\]' /sys/kernel/security/lockdown ||
		echo confidentiality >/sys/kernel/security/lockdown || skip "this kernel has no lockdown"
	"$@"
}

# refused_in_lockdown PROGRAM: one line that says so, and the program is left alone
refused_in_lockdown()
{
	go_start target "$1"
	expect_status 1 maprace watch -p "$go_target" -d 5
	expect_line err 'lockdown=confidentiality'
	cat err
	go_stop target
}
