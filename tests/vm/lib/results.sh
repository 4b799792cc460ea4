# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# The guest's results: lines "@vm NUMBER KIND FIELDS..." on the second serial port. Numbers count from 1 without a gap, so that
# a lost line is noticed. Kinds:
#   begin CASES KERNEL UPTIME_S      first line
#   start CASE                       a case begins
#   out CASE |TEXT                   output of a case (sent when it failed, or always with V=1)
#   fact NAME VALUE                  something measured, kept for the tables
#   pass CASE SECONDS                its outcome: exactly one of the three
#   fail CASE SECONDS STATUS
#   skip CASE SECONDS REASON
#   end PASSED FAILED SKIPPED        last line

# results_check FILE CASES_FILE: reads the frames, writes what is wrong with the protocol itself to standard output
# (status 1 then). CASES_FILE has a case name per line: the cases that must be there.
results_check()
{
	awk '
		function wrong(text) { print text; bad = 1 }
		NR == FNR { wanted[$1] = 1; nwanted++; next }
		{ sub(/\r$/, "") }
		$1 != "@vm" { wrong("stray line: " $0); next }
		$2 != ++number { wrong("line " number " is missing, found number " $2); number = $2 }
		$3 == "begin" { begun++; if ($4 != nwanted) wrong("guest has " $4 " cases, expected " nwanted) }
		$3 == "pass" || $3 == "fail" || $3 == "skip" {
			if (!($4 in wanted)) wrong("case " $4 " was not asked for")
			if ($4 in seen) wrong("case " $4 " has two results")
			seen[$4] = 1
			count[$3]++
		}
		$3 == "end" {
			ended++
			if ($4 != count["pass"] + 0 || $5 != count["fail"] + 0 || $6 != count["skip"] + 0)
				wrong("the guest counted " $4 "/" $5 "/" $6 ", we " count["pass"] + 0 "/" count["fail"] + 0 "/" count["skip"] + 0)
		}
		END {
			if (begun != 1) wrong("the guest never began")
			if (ended != 1) wrong("the guest never came to its end")
			for (name in wanted)
				if (!(name in seen)) wrong("case " name " has no result")
			exit bad
		}' "$2" "$1"
}

# results_print FILE KERNEL: for people
results_print()
{
	awk -v kernel="$2" '
		{ sub(/\r$/, "") }
		$3 == "pass" { printf "ok      %-5s %-44s %5ss\n", kernel, $4, $5 }
		$3 == "fail" { printf "FAILED  %-5s %-44s %5ss (status %s)\n", kernel, $4, $5, $6 }
		$3 == "skip" { r = $0; sub(/^@vm [0-9]+ skip [^ ]+ [^ ]+ /, "", r); printf "skipped %-5s %-44s %5ss %s\n", kernel, $4, $5, r }
		$3 == "out" { t = $0; sub(/^[^|]*\|/, "", t); printf "    | %s\n", t }' "$1"
}
