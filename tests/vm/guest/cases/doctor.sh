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
