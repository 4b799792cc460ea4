# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# maprace doctor, held against what kfeatures finds out by itself.

# doctor_says FEATURE yes|no: the line of that feature
doctor_says()
{
	local regex="^ *$1 +(yes|ok)"
	[ "$2" = yes ] || regex="^ *$1 +(no|missing)"
	grep -Eqi -- "$regex" out || {
		show out err
		die "doctor does not say $2 to $1"
	}
}

# doctor_agrees: with all privileges; every answer is also kfeatures' own
doctor_agrees()
{
	local name answer
	expect_status 0 maprace doctor
	cat out
	for name in btf ringbuf uprobe uprobe-multi; do
		answer=no
		if kfeatures "$name" >/dev/null; then answer=yes; fi
		doctor_says "$name" "$answer"
	done
	# what following needs, all four kernels have; before 6.8 a little is lost all the same
	for name in ptrace execs exec-gate trace pidfd children cgroups; do
		doctor_says "$name" yes
	done
	case $(uname -r) in
	5.* | 6.[0-7].*) expect_line out 'before Linux 6.8 a program may have done its first instructions' ;;
	*) never_line out 'before Linux' ;;
	esac
}

# doctor_fixes STATUS REGEX COMMAND...: run so that something is missing, doctor names it and what to do
doctor_fixes()
{
	local status=$1 regex=$2
	shift 2
	expect_status "$status" "$@"
	cat out err >both
	expect_line both "$regex"
	cat both
}

# doctor_lost FEATURE LOST FIX: ./out says no to it, what is lost, and what to do, below its line
doctor_lost()
{
	doctor_says "$1" no
	sed -n "/^$1 /,/^[a-z]/p" out | sed '1!{/^[a-z]/d}' >about
	expect_line about "without it: .*$2"
	expect_line about "fix: .*$3"
}

# doctor_following: each thing that trees and --all need and that is taken away is told of, and what is lost; single processes can be
# watched all the same
doctor_following()
{
	expect_status 0 without_groups_and_children confine -d fanotify_init -d ptrace -d pidfd_open -d bpf:17 maprace doctor
	sed -n '/^ptrace/,/^kallsyms/p' out
	doctor_lost execs 'found in /proc only' 'CAP_BPF.*seccomp'
	doctor_lost exec-gate 'what CMD starts in other processes is not watched' 'CAP_SYS_ADMIN'
	doctor_lost trace 'no command is watched' 'ptrace_scope.*seccomp'
	doctor_lost pidfd 'a quarter of a second late' 'seccomp'
	doctor_lost children 'no longer than CMD' 'CONFIG_PROC_CHILDREN'
	doctor_lost cgroups '--cgroup and --container take nobody' 'mount -t cgroup2'
	expect_line out '^maprace watch works here'
}

# without_groups_and_children COMMAND...: as if the kernel had been built without CONFIG_PROC_CHILDREN, and no control groups were
# mounted anywhere
without_groups_and_children()
{
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m sh -c 'mount -t tmpfs none "/proc/$$/task" && mount --bind /dev/null "/proc/$$/cgroup" && exec "$@"' sh "$@"
}

# without_btf COMMAND...: as if the kernel had been built without it
without_btf()
{
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh "$@"
}

# doctor_of_bpf: fentry works, kprobes are told as they are; every function that is not seen is named with what is missed
doctor_of_bpf()
{
	local answer=no
	expect_status 0 maprace doctor
	sed -n '/^kallsyms/,$p' out
	doctor_says kallsyms yes
	doctor_says fentry yes
	if kfeatures kprobe >/dev/null; then answer=yes; fi
	doctor_says kprobe "$answer"
	expect_line out '^maprace bpf works here'
	[ "$(grep -c 'without it unseen:' out)" -eq "$(sed -n '/^fentry/,/^$/p' out | grep -c '_elem: ')" ] ||
		die "a function without what is missed"
	case $(uname -r) in
	7.*) expect_line out 'trie_update_elem: ' ;;
	esac
}
