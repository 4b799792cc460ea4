# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# The scoreboard's lines, and its table in Markdown, both made of scores.

row_head()
{
	printf '%-24s %-5s %-9s %-6s %-8s %8s %-11s %10s %8s\n' program go build rate verdict 'proof s' evidence 'alone s' '-race s'
}

row_print() # a score
{
	jq -r '[.name, .go, .build, .rate, .verdict, (.first_s // "" | if type == "number" then . * 100 | round / 100 else . end | tostring), .evidence // "-",
		(.alone_s // "-" | tostring), (if .detector == null then "-" elif .detector then .detector | tostring else "silent" end)] | @tsv' |
		awk -F'\t' '{ printf "%-24s %-5s %-9s %-6s %-8s %8s %-11s %10s %8s\n", $1, $2, $3, $4, $5, $6, $7, $8, $9 }'
}

# table_print: racy programs by rate and Go version (a cell: seconds to the proof, runs proved of runs where there were several),
# then what Go's own check and -race said, then the clean ones
table_print()
{
	jq -rs '
	def seconds: if . == null then "–" else (. * 10 | round / 10 | tostring) end;
	def median: sort | if length == 0 then null else .[((length - 1) / 2) | floor] end;
	def cell: ([.[] | select(.verdict == "found")]) as $found
		| if length == 0 then "" elif ($found | length) == 0 then "**missed**"
		  elif ($found | length) < length then "\($found | map(.first_s) | median | seconds) (\($found | length) of \(length))"
		  else ($found | map(.first_s) | median | seconds) end;
	def rank: {"tight": 0, "1ms": 1, "100ms": 2, "fresh": 3, "once": 4}[.];
	([.[] | select(.name | startswith("racy_")) | .rate] | unique | sort_by(rank)) as $rates | (map(.go) | unique | sort_by(split(".") | map(tonumber))) as $gos
	| [.[] | select(.name | startswith("racy_"))] as $racy | [.[] | select(.name | startswith("clean_"))] as $clean
	| ($rates[] | . as $rate
		| "### \($rate)\n", "| program | \($gos | map("Go " + .) | join(" | ")) | alone, Go'"'"'s own check | -race |", "|---|\($gos | map("---") | join("|"))|---|---|",
		([$racy[] | select(.rate == $rate)] | group_by(.name)[]
			| . as $rows | "| `\(.[0].name)` | \([$gos[] as $go | [$rows[] | select(.go == $go)] | cell] | join(" | ")) | \([$rows[] | select(.alone_s)] | length) of \($rows | length) | "
				+ (if all($rows[]; .detector == null) then "" else "\([$rows[] | select(.detector)] | length) of \([$rows[] | select(.detector != null)] | length)" end) + " |"),
		""),
	"### Clean programs\n", "| Go | programs | runs | minutes | reported |", "|---|---|---|---|---|",
	($clean | group_by(.go)[] | "| \(.[0].go) | \(map(.name) | unique | length) | \(length) | \(map(.seconds) | add / 60 | round) | \([.[] | select(.proofs > 0)] | length) |")'
}

table_into() # FILE; scores on standard input
{
	local table
	table=$(table_print)
	TABLE=$table awk '/^<!-- scoreboard -->$/ { print; print ENVIRON["TABLE"]; skip = 1 } /^<!-- end -->$/ { skip = 0 } !skip || /^<!-- end -->$/ {
		if (!/^<!-- scoreboard -->$/) print }' "$1" >"$1.new"
	mv "$1.new" "$1"
}
