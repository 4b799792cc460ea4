#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `maprace bpf audit` on real programs: as compiled, and as the kernel of this machine has translated them.
#
# usage: tests/e2e/audit.sh
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

audit_source=$e2e_top/tests/e2e/bpf/audit_cases.bpf.c
audit_dir= # for what is no text
audit_bpftool=${BPFTOOL:-/usr/sbin/bpftool}

# the lines on which a store is to be found: every program that is racy has its mark
audit_expected()
{
	grep -n '/\* @[a-z]' "$audit_source" | sed 's/:.*//' | sort -un
}

audit_object()
{
	local status=0
	"$maprace" bpf audit --object "$audit_dir/cases.o" --strict -o "$work/object.json" -o "$work/object.sarif" >"$work/stdout" \
		2>"$work/stderr" || status=$?
	jq -r '.suspects[].accesses[0].stack[0].line' "$work/object.json" | sort -n >"$work/found"
	jq -r '.suspects[].bpf.actors[0].prog_name' "$work/object.json" >"$work/names"
	if ((status != 66)); then
		fail 'an object file' "exit status $status, not 66"
	elif ! diff "$work/expected" "$work/found" >"$work/diff"; then
		fail 'an object file' 'not the lines that are marked'
	elif grep -qv '^racy_' "$work/names"; then
		fail 'an object file' 'something safe was found'
	elif ! jq -e '.runs[0].results[0].locations[0].physicalLocation.region.startLine' "$work/object.sarif" >/dev/null; then
		fail 'an object file' 'no line in SARIF'
	else
		pass "an object file: $(wc -l <"$work/found") findings, each on its line"
	fi
}

audit_unprivileged()
{
	chmod -R a+rX "$audit_dir"
	if "${nobody[@]}" "$maprace" bpf audit --object "$audit_dir/cases.o" >"$work/stdout" 2>"$work/stderr" </dev/null; then
		pass 'an object file, by nobody; possible findings do not count without --strict'
	else
		fail 'an object file, by nobody' "exit status $?"
	fi
}

# in a mount namespace of its own, which takes the programs with it
audit_loaded()
{
	local status=0
	with_only sys_admin
	# shellcheck disable=SC2016
	unshare --mount --propagation private bash -euc '
		mkdir -p "$4/bpffs"
		mount -t bpf bpf "$4/bpffs"
		"$3" prog loadall "$4/cases.o" "$4/bpffs/programs" >"$1/load" 2>&1 || exit 77
		for id in $("$3" -j prog list | jq ".[] | select(.name // \"\" | test(\"^(racy|safe)_\")) | .id"); do
			ids+=(--prog "$id")
		done
		"${@:5}" "$2" bpf audit "${ids[@]}" >"$1/restricted.out" 2>"$1/restricted" || exit 78
		"$2" bpf audit "${ids[@]}" --live -d 0.3 -o "$1/live.json" >"$1/live.out" 2>"$1/live.err" || exit 79
		exec "$2" bpf audit "${ids[@]}" -o "$1/loaded.json" >"$1/stdout" 2>"$1/stderr"
	' _ "$work" "$maprace" "$audit_bpftool" "$audit_dir" "${with_caps[@]}" || status=$?
	if ((status == 77)); then
		skip 'loaded programs' "they cannot be loaded here: $(tail -n 1 "$work/load")"
		return
	fi
	if ((status)); then
		fail 'loaded programs' "exit status $status"
		return
	fi
	if grep -q 'Caveat: the kernel does not show which of its functions' "$work/restricted"; then
		pass 'loaded programs, without CAP_SYSLOG: what is not seen is said'
	elif (($(</proc/sys/kernel/kptr_restrict) == 0 && $(</proc/sys/kernel/perf_event_paranoid) <= 1)); then
		skip 'loaded programs, without CAP_SYSLOG' 'this kernel shows its addresses to everybody'
	else
		fail 'loaded programs, without CAP_SYSLOG' 'it does not say what is not seen'
	fi
	jq -r '.suspects[].accesses[0].stack[0].line' "$work/loaded.json" | sort -un >"$work/found"
	jq -r '.suspects[].bpf.actors[0].prog_name' "$work/loaded.json" >"$work/names"
	if ! diff "$work/expected" "$work/found" >"$work/diff"; then
		fail 'loaded programs' 'not the lines that are marked'
	elif grep -qv '^racy_' "$work/names"; then
		fail 'loaded programs' 'something safe was found'
	elif (($(jq '[.audited[] | select(.skipped == null)] | length' "$work/loaded.json") < 40)); then
		fail 'loaded programs' 'not all were read'
	else
		pass "loaded programs: $(jq '.suspects | length' "$work/loaded.json") findings in $(jq '.audited | length' "$work/loaded.json")"
	fi
}

# Nothing runs these programs: whatever this kernel lets us see, nothing is confirmed, and what could not be seen is said.
audit_live()
{
	if ! jq -e '[.suspects[].bpf.audit.live] | all(.runs == 0 or (.runs == null and .unseen != ""))' "$work/live.json" >/dev/null; then
		fail 'loaded programs, live' 'no count of runs, or runs of what nobody runs'
	elif ! jq -e '[.suspects[] | .evidence == "static" and (.bpf.audit.live.confirmed | not)] | all' "$work/live.json" >/dev/null; then
		fail 'loaded programs, live' 'confirmed, although nothing ran'
	elif ! jq -e '[.suspects[].bpf.audit.live] | all((.by_cpu | length > 0) or .unseen != "")' "$work/live.json" >/dev/null; then
		fail 'loaded programs, live' 'what was not seen is not said'
	else
		pass "loaded programs, live: $(jq -r '[.suspects[].bpf.audit.live.unseen | select(. != "")] | unique | join(" | ")' "$work/live.json")"
	fi
}

audit_refused()
{
	local name=$1 expected=$2 pattern=$3 status=0
	shift 3
	"$maprace" bpf audit "$@" >"$work/stdout" 2>"$work/stderr" </dev/null || status=$?
	if ((status == expected)) && grep -q "error: .*$pattern" "$work/stderr" && [[ ! -s $work/stdout ]]; then
		pass "$name: $(sed -n 's/^maprace: error: //p' "$work/stderr")"
	else
		fail "$name" "exit status $status, not $expected, or without '$pattern'"
	fi
}

audit_all()
{
	fresh_work audit
	audit_dir=$(mktemp -d)
	clang -target bpf -mcpu=v3 -O2 -g -std=gnu17 -Wno-unused-function -isystem "$e2e_top/build/libbpf/include" \
		-idirafter "/usr/include/$(uname -m)-linux-gnu" -c "$audit_source" -o "$audit_dir/cases.o"
	audit_expected >"$work/expected"
	audit_object
	audit_unprivileged
	audit_loaded
	[[ ! -e $work/live.json ]] || audit_live
	head -c 3000 "$audit_dir/cases.o" >"$audit_dir/cut.o"
	echo none >"$work/text"
	if "${nobody[@]}" "$maprace" bpf audit >"$work/stdout" 2>"$work/stderr" </dev/null || (($? != 1)); then
		fail 'loaded programs, by nobody' 'not refused with status 1'
	elif grep -q 'error: cannot see the BPF programs' "$work/stderr" && grep -q 'hint: .*CAP_SYS_ADMIN' "$work/stderr"; then
		pass 'loaded programs, by nobody: refused'
	else
		fail 'loaded programs, by nobody' 'it does not say what is missing'
	fi
	audit_refused 'a file without code' 1 'no object of BPF code' --object "$work/text"
	audit_refused 'no such file' 1 'ENOENT' --object "$work/missing"
	audit_refused 'no such program' 1 'no BPF program' --prog no_such_program
	audit_refused 'a file without --object' 2 'after --object' "$audit_dir/cases.o"
	audit_refused 'files do not run' 2 'loaded programs' --live --object "$audit_dir/cases.o"
	audit_refused 'a duration of nothing' 2 'goes with --live' -d 5
	if "$maprace" bpf audit --object "$audit_dir/cut.o" >"$work/stdout" 2>"$work/stderr" && grep -q 'Not read: .*cut off' "$work/stderr"; then
		pass 'an object that is cut off is said to be not read'
	else
		fail 'an object that is cut off' 'it is not said'
	fi
	rm -rf "$audit_dir"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	audit_all
	finish
fi
