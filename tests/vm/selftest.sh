#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The virtual-machine runner must notice what goes wrong. Each test makes one thing go wrong in a real guest, or in what one has left,
# and says what run.sh has to answer. KERNEL (6.1) chooses the guest, ONLY (*) a pattern of names the tests.
set -euo pipefail
dir=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kernel=${KERNEL:-6.1}
only=${ONLY:-*}
passed=0 failed=0

# shellcheck source=tests/vm/lib/common.sh
source "$dir/lib/common.sh"
# shellcheck source=tests/vm/lib/console.sh
source "$dir/lib/console.sh"

# chosen NAME
chosen()
{
	# shellcheck disable=SC2053 # a pattern on purpose
	[[ $1 == $only ]]
}

# judge NAME GOOD WANTED: counts the test, and shows what ./out holds when GOOD is not 1
judge()
{
	if [[ $2 == 1 ]]; then
		passed=$((passed + 1))
		echo "ok      $1"
	else
		failed=$((failed + 1))
		echo "FAILED  $1: wanted $3"
		sed 's/^/    | /' "$work/out"
	fi
}

# answers NAME STATUS REGEX MANIFEST_LINES: run.sh on that manifest ends with STATUS and prints a line like REGEX
answers()
{
	local name=$1 wanted=$2 regex=$3 status=0 good=0
	chosen "$name" || return 0
	printf '%b' "$4" >"$work/cases.tsv"
	VM_BUILD="$work" VM_MANIFEST="$work/cases.tsv" VM_SLACK=${slack:-60} KERNELS=$kernel CASES='*' REPEAT=1 V='' \
		"$dir/run.sh" >"$work/out" 2>&1 || status=$?
	[[ $status != "$wanted" ]] || ! grep -Eq -- "$regex" "$work/out" || good=1
	judge "$name" "$good" "status $wanted (it was $status) and a line like: $regex"
}

# notices LINE: the kernel's log is bad with that line in it
notices()
{
	local good=0
	chosen "$1" || return 0
	printf '%s\r\n' "[    1.0] maprace-vm: case one" "[    2.0] $1" '[    3.0] maprace-vm: case two' >"$work/console"
	console_check "$work/console" >"$work/out" || true
	[[ $(<"$work/out") != "one: [    2.0] $1" ]] || good=1
	judge "$1" "$good" "this line to be noticed"
}

# tables NAME STATUS REGEX SPOIL: run.sh --table, of whole and green runs of which the command SPOIL makes something else, ends with STATUS
# and says a line like REGEX; there is a table only with status 0
tables()
{
	local name=$1 wanted=$2 regex=$3 status=0 good=0 kernel
	chosen "$name" || return 0
	rm -rf "$work/table" "$work/table.md"
	mkdir -p "$work/table/results"
	printf 'good\t20\tall\ttrue\n' >"$work/table/cases.tsv"
	for kernel in $vm_all_kernels; do
		printf 'good\t20\ttrue\n' >"$work/table/results/$kernel.cases"
		printf '@vm %s\r\n' "1 begin 1 $kernel.0 4.0" '2 start good' '3 pass good 0.1' '4 end 1 0 0' >"$work/table/results/$kernel.results"
		printf '[    4.0] maprace-vm: case good\r\n' >"$work/table/results/$kernel.console"
		echo '1 0 0 0' >"$work/table/results/$kernel.counts"
	done
	(cd "$work/table/results" && eval "$4")
	VM_BUILD="$work/table" VM_MANIFEST="$work/table/cases.tsv" "$dir/run.sh" --table "$work/table.md" >"$work/out" 2>&1 || status=$?
	if [[ -e $work/table.md ]]; then
		((status == 0)) || status+=", with a table"
		cat "$work/table.md" >>"$work/out"
	fi
	[[ $status != "$wanted" ]] || ! grep -Eq -- "$regex" "$work/out" || good=1
	judge "$name" "$good" "status $wanted (it was $status) and a line like: $regex"
}

tables "a table of green runs" 0 '^\| `good` \| 0.1 \| 0.1 ' true
tables "a table of a run that lacks a case" 1 'kernel 6.1 was not whole' 'sed -i /pass/d 6.1.results'
tables "a table of a run with a failed case" 1 'kernel 6.1 has failed' 'sed -i "s/pass good 0.1/fail good 0.1 1/; s/end 1 0/end 0 1/" 6.1.results'
tables "a table of a run of some cases" 1 'kernel 6.1 was not of all cases' 'printf "other\\t20\\ttrue\\n" >6.1.cases'
tables "a table of a kernel that complained" 1 'kernel 6.1 complained' 'echo "[    4.1] BUG: sleeping function" >>6.1.console'
tables "a table of a guest that hung" 1 'kernel 6.1 0 cases failed and 1 guests broke' 'echo "1 0 0 1" >6.1.counts'
tables "a table of a run that was given up" 1 'kernel 6.1 was given up' 'rm 6.1.counts'

notices 'maprace[208]: segfault at 8 ip 0000000000401a2b sp 00007ffd0a9d1b20 error 4 in maprace[401000+1b8000]'
notices 'mr-attacher[211]: segfault at 0 ip 0000000000000000 sp 00007ffd0a9d1b20 error 14'
notices 'traps: mr-attacher[211] trap invalid opcode ip:401a2b sp:7ffd0a9d1b20 error:0 in maprace[401000+1b8000]'
notices 'race_write_write[214]: segfault at 28 ip 000000000040e1c4 sp 000000c00003ff28 error 6 in race_write_write[401000+93000]'

answers "a case that passes" 0 '^1 passed, 0 failed, 0 skipped' 'good\t20\tall\ttrue\n'
answers "a case that fails, with its output" 1 '\| seen in the output' 'bad\t20\tall\techo seen in the output; die no\n'
answers "a case over its time limit" 1 'FAILED .* late .*status 124' 'late\t2\tall\tsleep 100\n'
# [s]: the words are in the command line of the shell that asks, too
answers "what a case started is gone, out of its session too" 0 '^2 passed, 0 failed' \
	'before\t20\tall\tsetsid sleep 77 & setsid sh -c "while :; do setsid sleep 77 & usleep 10000; done" & sleep 1; ps | grep "[s]leep 77"\nafter\t20\tall\t! ps | grep "[s]leep 77"\n'
answers "what a late case started is gone" 1 '^1 passed, 1 failed' \
	'late\t2\tall\tsetsid sleep 77 & sleep 77\nafter\t20\tall\t! ps | grep "[s]leep 77"\n'
answers "a map left in the kernel" 1 'FAILED .* leak .*status 125' \
	'leak\t30\tall\tkfeatures pin /sys/fs/bpf/left\n'
answers "everything skipped" 1 'skipped: .* because of this' 'none\t20\tall\tskip because of this\n'
answers "a panic" 1 'panic: .*Kernel panic' 'good\t5\tall\ttrue\npanic\t5\tall\techo c >/proc/sysrq-trigger\nlost\t5\tall\ttrue\n'
answers "a case lost by a panic" 1 'case lost has no result' 'panic\t5\tall\techo c >/proc/sysrq-trigger\nlost\t5\tall\ttrue\n'
answers "a warning of the kernel" 1 'warn: .*cut here' \
	'warn\t5\tall\techo "<4>------------[ cut here ]------------" >/dev/kmsg\n'
answers "a result that the guest did not send" 1 'stray line|is missing' 'forged\t5\tall\techo "@vm 1 pass forged 0" >/dev/ttyS1\n'
answers "a death that maprace must have seen" 0 '^1 passed, 0 failed' 'deaths\t120\tall\tunwatched_deaths\n'
answers "a clean program that Go's own check ended" 1 'FAIL: self/clean_none has no race' 'death\t60\tall\tclean_death\n'
answers "a racy program that Go's own check ends as it stops" 0 '^1 passed' 'death\t60\tall\tlate_death\n'
answers "a tracing tool that is not at work" 1 'FAIL: 1 of 2 tools' 'tools\t60\tall\ttool_missing\n'
# the one that cannot be built is not the last
mkdir -p "$work/e2e/1.24"
install -m 755 -T /bin/true "$work/e2e/1.24/clean_mutex" && touch -d 2001-01-01 "$work/e2e/1.24/clean_mutex"
install -m 755 -T /bin/true "$work/e2e/1.24/clean_rwmutex"
VM_E2E=$work/e2e GOOS=none answers "an old program that cannot be built anew" 1 'cannot build 1.24/clean_mutex' \
	'old\t20\tall\ttrue 1.24/clean_mutex 1.24/clean_rwmutex\n'
# what the run before has left must not pass for this one's result
rm -f "$work/lock-$kernel" && mkdir -p "$work/lock-$kernel"
answers "a kernel that was never begun" 1 '^0 passed, 1 failed' 'good\t20\tall\ttrue\n'
rmdir "$work/lock-$kernel"
slack=20
# the runner itself is stopped: nobody in the guest is left to end it. All limits together are an hour.
# shellcheck disable=SC2016 # for the guest
answers "a hung guest" 1 'guest had said nothing for 30 s and was ended' \
	'hang\t5\tall\tkill -STOP $(grep -l [g]uest/runner /proc/[0-9]*/cmdline | cut -d/ -f3)\n'"$(printf 'more%s\t10\tall\ttrue\\n' {1..360})"
# one that goes on talking
answers "a guest that does not end" 1 'guest was still running after 25 s and was ended' \
	'talk\t5\tall\tkill -STOP $(grep -l [g]uest/runner /proc/[0-9]*/cmdline | cut -d/ -f3); while :; do echo more >/dev/ttyS1; sleep 1; done\n'

echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
