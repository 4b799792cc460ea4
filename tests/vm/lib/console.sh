# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# What a kernel says when something is wrong with it.

# "cut here" opens every WARN and BUG of all the kernels we run; the others do not have it.
console_bad='Kernel panic|------------\[ cut here \]|Oops|BUG:|WARNING: (CPU|possible|.* at .*\+0x)|general protection fault'
console_bad+='|rcu[a-z_]*:? .*(stall|starved)|soft lockup|hard LOCKUP|blocked for more than|UBSAN|KASAN|Out of memory|invoked oom-killer'
console_bad+='|unable to handle|double fault|refcount_t|list_(add|del) corruption|uprobe.*fail'
# Any program's: maprace's attacher has a name of its own, and what we watch must not die of it either (Go says so itself, in its words).
console_bad+='|\[[0-9]+\]: segfault|traps: '

# console_check FILE: prints what is bad, each with the case it happened in; status 1 if there is any
console_check()
{
	awk -v bad="$console_bad" '
		{ sub(/\r$/, "") }
		/maprace-vm: case / { current = $NF }
		# what that case is there for: its own program, in its control group
		current ~ /^memory_v[12]$/ && /leaking_profile invoked oom-killer/ { next }
		$0 ~ bad { printf "%s: %s\n", current == "" ? "boot" : current, $0; found = 1 }
		END { exit found }' "$1"
}
