# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# maprace bpf audit: programs that are loaded here, as this kernel's verifier has left them, and what they do.

sources=/vm/sources

# marked FILE: "NAME LINE" of each mark @name in a comment
marked()
{
	awk '/\/\* @[a-z]/ { for (i = 1; i <= NF; i++) if ($i ~ /^@/) print substr($i, 2), NR }' "$1"
}

# stores FILE: "PROGRAM LINE" of each finding in JSON Lines, once each
stores()
{
	sed -n 's/^{"type":"suspect".*"role":"wrote"[^[]*"stack":\[{"function":"[^"]*","file":"[^"]*","line":\([0-9]*\),.*"prog_name":"\([^"]*\)".*/\2 \1/p' "$1" |
		sort -u
}

# victim_open COMMAND...: it works until victim_close; its output in ./victim
victim_open()
{
	rm -f hold
	mkfifo hold
	"$@" <hold >victim 2>&1 &
	victim=$!
	exec 9>hold
	wait_for 60 grep -q ready victim || {
		show victim
		die "$1 does not begin"
	}
}

victim_close()
{
	exec 9>&-
	wait "$victim" || {
		show victim
		die "the victim failed"
	}
}

# audit_corpus: each racy program of the end-to-end test that this kernel takes is found on its line, and no safe one
audit_corpus()
{
	local racy=0 safe=0 name line
	victim_open auditcases
	maprace bpf audit --json >found 2>summary || die "status $?"
	victim_close
	stores found >stores.txt
	marked "$sources/audit_cases.bpf.c" >marks
	never_line stores.txt '^safe_'
	while read -r word name; do
		case $word/$name in
		loaded/racy_*)
			racy=$((racy + 1))
			line=$(marked_line "${name#racy_*_}" "$name")
			[ -n "$line" ] || {
				show stores.txt summary
				die "$name is not found on its line"
			}
			;;
		loaded/safe_*) safe=$((safe + 1)) ;;
		esac
	done <victim
	fact bpf_audit "$racy racy, $safe safe; refused: $(sed -n 's/^refused //p' victim | xargs)"
	if [ "$racy" -lt 25 ] || [ "$safe" -lt 18 ]; then
		show victim
		die "$racy racy and $safe safe programs are too few"
	fi
}

# marked_line MARK PROGRAM: the line that carries the mark, if a store of the program was found there. A mark may be on
# several lines, and the same line in another map is a finding of its own. Names of programs end with the 15th letter
# unless there is type information.
marked_line()
{
	local mark line
	while read -r mark line; do
		[ "$mark" != "$1" ] || ! grep -qx "$2 $line" stores.txt || echo "$line"
	done <marks
}

# audit_live PROGRAM confirmed|possible|silent: a program of inplace.bpf.c that two CPUs run. Of what is confirmed increments
# are missing too: until that is so, once more, for an emulated CPU may go for long without meeting the other one.
audit_live()
{
	local tries=0 line missing
	while [ "$tries" -lt 6 ]; do
		tries=$((tries + 1))
		victim_open inplace "$1"
		maprace bpf audit --json --live -d 2 --prog "$(sed -n 's/^ready //p' victim)" -o out.txt >found 2>summary || die "status $?"
		victim_close
		show victim out.txt summary
		missing=$(sed -n 's/.*missing=//p' victim)
		audit_live_judge "$1" "$2" || continue
		fact "bpf_live_$1" "$(audit_live_told); missing $missing of $(sed -n 's/^truth runs=\([0-9]*\) .*/\1/p' victim)"
		return 0
	done
	die "not $2 after $tries times"
}

# audit_live_judge PROGRAM EXPECTED: status 1: once more
audit_live_judge()
{
	local line
	[ "$2" != silent ] || {
		never_line found '"type":"suspect"'
		[ "$missing" -eq 0 ] || die "the program is not safe"
		return 0
	}
	line=$(marked "$sources/inplace.bpf.c" | sed -n "s/^$1 //p")
	stores found >stores.txt
	expect_line stores.txt "^$1 $line\$"
	expect_line found "\"runs\":[1-9][0-9]*,\"by_cpu\":\[[1-9][0-9]*,[1-9]"
	if [ "$2" = possible ]; then
		expect_line found '"evidence":"static".*"confirmed":false'
		# they do overlap, and yet
		grep -q '"overlaps":[1-9]' found
		return
	fi
	grep -q '"evidence":"overlap".*"confirmed":true' found && [ "$missing" -gt 0 ]
}

# audit_live_told: what the report says of the runs
audit_live_told()
{
	sed -n 's/.*"by_cpu":\[\([0-9,]*\)\],"overlaps":\([0-9]*\),"met":\([0-9]*\),"confirmed":\([a-z]*\).*/runs \1, overlaps \2, met \3, confirmed \4/p' found |
		sed 's/,\([0-9]\)/ and \1/'
}
