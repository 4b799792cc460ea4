# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# `maprace bpf` while tracing tools of Debian packages are at work.

# something for the tools to see: files, processes, connections, switches between threads
tools_work()
{
	mkdir -p www
	echo hello >www/file
	httpd -f -p 127.0.0.1:8080 -h www &
	while :; do
		cat www/file /proc/self/status >/dev/null
		wget -q -O /dev/null http://127.0.0.1:8080/file
		usleep 1000
	done 2>/dev/null
}

# findings_told FILE: kind, map and the two actors' names, for each finding in --json's output
findings_told()
{
	sed -n 's/.*"kind":"\(lost-update\|concurrent-update\)".*"count":\([0-9]*\).*"map_name":"\([^"]*\)".*"lost":\(-\{0,1\}[0-9]*\).*"comm":"\([^"]*\)".*"prog_name":"\([^"]*\)".*"comm":"\([^"]*\)".*"prog_name":"\([^"]*\)".*/\1 \3 \6 \8 | comm \5, \7; count \2, lost \4/p' "$1"
}

# bpf_tools SECONDS COMMAND...: each command begins with deb:PACKAGE/PATH; all of them must be at work to the end. What is reported must
# be in explained.tsv.
bpf_tools()
{
	local seconds=$1 command name alive=0
	shift
	tools_work &
	mount -t debugfs debug /sys/kernel/debug 2>/dev/null || true
	for command in "$@"; do
		command=$(echo "$command" | sed 's#deb:[^ ]*/#/deb/bin/#g')
		name=$(echo "${command##*/deb/bin/}" | tr -c 'a-z0-9.\n' _)
		$command >"tool.$name" 2>&1 &
		echo "$! $name" >>tools
	done
	expect_tool_status maprace bpf -d "$seconds" --budget 100 --window 2s --json --suspects -o out.json
	while read -r command name; do
		if kill -INT "$command" 2>/dev/null; then
			alive=$((alive + 1))
			wait "$command" || true
			[ -s "tool.$name" ] || die "$name saw nothing"
			echo "$name worked, $(wc -l <"tool.$name") lines"
			grep '^@[a-z]*: ' "tool.$name" || true
		else
			echo "$name does not work here: $(tail -n 1 "tool.$name")"
		fi
	done <tools
	cat err
	findings_told out >told
	show told
	grep -o '"map_name":"[^"]*"' out | sort | uniq -c
	[ "$alive" -eq "$#" ] || die "$alive of $# tools work on this kernel"
	fact bpf_tools "$alive tools at work, $(grep -c . told) findings"
	while read -r kind map writer other rest; do
		grep -Fqx "$kind	$map	$writer	$other" /vm/guest/explained.tsv ||
			die "not explained in docs/bpf-maps.md: $kind $map $writer $other $rest"
	done <told
}

# 0 or 66
expect_tool_status()
{
	local status=0
	"$@" >out 2>err </dev/null || status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 66 ] || {
		show err
		die "status $status: $*"
	}
}
