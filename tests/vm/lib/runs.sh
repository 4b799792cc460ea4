# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# The record of whole runs: a case that fails once in many is seen only there. Columns, separated by tabs: when (UTC), maprace's
# version, kernel, the host's load when it ended, seconds, passed, failed, skipped, broken (what is wrong beside the cases), which failed.

# runs_add FILE KERNEL PREFIX BROKEN VERSION: adds the run that has just been judged
runs_add()
{
	local load
	read -r load _ </proc/loadavg
	awk -v when="$(date -u +%Y-%m-%dT%H:%M)" -v version="$5" -v kernel="$2" -v load="$load" -v broken="$4" '
		{ sub(/\r$/, "") }
		FILENAME ~ /[.]times$/ { if ($1 == "wall") wall = $2; next }
		$3 == "pass" || $3 == "fail" || $3 == "skip" { n[$3]++ }
		$3 == "fail" { names = names (names == "" ? "" : " ") $4 }
		END {
			printf "%s\t%s\t%s\t%s\t%.0f\t%d\t%d\t%d\t%d\t%s\n", when, version, kernel, load, wall,
				n["pass"], n["fail"], n["skip"], broken, names == "" ? "-" : names
		}' "$3.times" "$3.results" >>"$1"
}

# runs_table FILE "KERNEL KERNEL...": for the documentation
runs_table()
{
	grep -qsv '^#' "$1" || return 0
	printf '\n## Repeated\n\nRuns of each kernel, side by side or beside other work of the machine (`tests/vm/runs.tsv` has\neach).\n\n'
	awk -F'\t' -v order="$2" '
		/^#/ { next }
		{ runs[$3]++; seconds[$3] += $5; passed[$3] += $6; failed[$3] += $7 + $9; if ($4 > load[$3]) load[$3] = $4 }
		$10 != "-" { count = split($10, names, " "); for (i = 1; i <= count; i++) which[$3, names[i]]++; for (i = 1; i <= count; i++) all[names[i]] = 1 }
		END {
			print "| kernel | runs | cases passed | failed | which | minutes a run | highest load |\n|---|---|---|---|---|---|---|"
			n = split(order, kernels, " ")
			for (k = 1; k <= n; k++) {
				kernel = kernels[k]
				if (!runs[kernel]) continue
				list = ""
				for (name in all)
					if ((kernel, name) in which) list = list (list == "" ? "" : ", ") "`" name "` " which[kernel, name]
				printf "| %s | %d | %d | %d | %s | %.1f | %s |\n", kernel, runs[kernel], passed[kernel], failed[kernel],
					list == "" ? "–" : list, seconds[kernel] / runs[kernel] / 60, load[kernel]
			}
		}' "$1"
}
