#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A folder of user/ includes only itself and folders to its left; report never sees probe.
# One exception: report/model.h, the plain data that track and bpfmap fill and report prints.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
grep -rnE '^[[:blank:]]*#[[:blank:]]*include "[a-z]+/' user --include='*.[ch]' | awk -F: '
BEGIN {
	n = split("base target go probe bpfmap track report cmd", order, " ")
	for (i = 1; i <= n; i++)
		rank[order[i]] = i
}
{
	split($1, path, "/")
	from = path[2]
	to = $3
	sub(/.*include "/, "", to)
	sub(/\/.*/, "", to)
	if ((from == "track" || from == "bpfmap") && $3 ~ /"report\/model\.h"/)
		next
	if (from ~ /\./) # main.c
		next
	if (!(from in rank) || !(to in rank)) {
		print $1 ": unknown folder: give it a place in scripts/layers.sh"
		bad = 1
		next
	}
	if (rank[to] > rank[from] || (from == "report" && to == "probe")) {
		print $1 ":" $2 ": " from "/ must not include " to "/"
		bad = 1
	}
}
END { exit bad }'
