#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A folder of user/ includes only itself and folders to its left in the order below. Printers see plain data only: report/
# includes base/ and model/. Detectors do not know each other: detect/a/ includes nothing of detect/b/. Every include names its
# folder, but for the skeletons, which are generated. In bpf/ a folder includes itself, and common/ by name. docs/code-map.md
# lists the same folders in the same order, and names no file that there is not.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
order="base model process go arch probe budget detect snapshot report session top cmd"
map=docs/code-map.md
grep -rnE '^[[:blank:]]*#[[:blank:]]*include "' user --include='*.[ch]' | awk -F: -v folders="$order" '
BEGIN {
	n = split(folders, order, " ")
	for (i = 1; i <= n; i++)
		rank[order[i]] = i
}
function refuse(why)
{
	print $1 ":" $2 ": " why
	bad = 1
}
{
	split($1, path, "/")
	from = path[2]
	to = $3
	sub(/.*include "/, "", to)
	sub(/".*/, "", to)
	if (to ~ /^[a-z_]+\.skel\.h$/ || from == "main.c")
		next
	split(to, part, "/")
	if (!(from in rank))
		refuse("unknown folder " from "/: give it a place in scripts/layers.sh")
	else if (!(part[1] in rank))
		refuse("includes \"" to "\", which is in no folder that has a place in scripts/layers.sh")
	else if (rank[part[1]] > rank[from])
		refuse(from "/ must not include " part[1] "/")
	else if (from == "report" && part[1] !~ /^(base|model|report)$/)
		refuse("report/ sees plain data only, not " part[1] "/")
	else if (from == "detect" && part[1] == "detect" && part[2] != path[3])
		refuse("detect/" path[3] "/ must not include detect/" part[2] "/")
}
END { exit bad }'
! grep -rnE '^[[:blank:]]*#[[:blank:]]*include "[^"]*/' bpf --include='*.[ch]' | grep -vE '^bpf/(gomap|bpfmap|feature)/.*include "common/[^/"]*"$' ||
	{ echo "layers.sh: in bpf/ a folder includes only itself and common/" >&2 && exit 1; }

rooms=$(sed -n 's,^| `user/\([a-z]*\)/` |.*,\1,p' "$map" | xargs)
[[ $rooms == "$order" ]] || { echo "$map: its rooms are not those of scripts/layers.sh: $rooms" >&2 && exit 1; }
missing=0
while read -r file; do
	[[ -e $file ]] || { echo "$map: there is no $file" >&2 && missing=1; }
done < <(grep -oE '`(user|bpf|include|tests|docs|scripts|packaging)/[^`[:blank:]]*[^/`[:blank:]]`' "$map" | tr -d '`' | grep -v NAME | sort -u)
exit "$missing"
