#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The curve of found against slowdown, from what detect.sh has measured (build/bench/detect.jsonl), as a picture (SVG) on standard output.
#
# usage: tests/bench/curve.sh [FILE]... >docs/pictures/found.svg
# Of each rate a line through its factors, the mean of all runs; the race detector's at 5 to 20, which is what it costs.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
(($#)) || set -- "$here/../../build/bench/detect.jsonl"
jq -rs '
	def x: ((tonumber | log10) / (20 | log10) * 480 + 60) | round;   # 1 to 20
	def y: (300 - . * 2.6) | round;
	def part(f): ([.[] | select(f)] | length) * 100 / ([length, 1] | max);
	def ink: {once: "#c2410c", fresh: "#0f766e", "100ms": "#1d4ed8"}[.] // "#555";
	def text($x; $y; $more; $what): "<text x=\"\($x)\" y=\"\($y)\" \($more)>\($what)</text>";
	def rates: group_by(.rate)[];
	def points: group_by(.factor | tonumber)[] | {x: (.[0].factor | x), y: (part(.proofs > 0) | y), percent: (part(.proofs > 0) | round)};
	"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 580 350\" font-family=\"sans-serif\" font-size=\"12\">",
	"<title>Races found in one run, against the slowdown that is allowed</title>",
	"<rect width=\"580\" height=\"350\" fill=\"#fff\"/>",
	(0, 25, 50, 75, 100 | "<path d=\"M60 \(y)H540\" stroke=\"#ddd\"/>", text(52; y + 4; "text-anchor=\"end\" fill=\"#555\""; "\(.)%")),
	("1", "1.05", "1.2", "2", "5", "10", "20" | text(x; 318; "text-anchor=\"middle\" fill=\"#555\""; .)),
	text(300; 340; "text-anchor=\"middle\" fill=\"#333\""; "slowdown (maprace: --slowdown; the race detector: 5 to 20, and a rebuild)"),
	(rates | (.[0].rate | ink) as $ink | .[0].rate as $rate | [points] as $p
		| "<polyline fill=\"none\" stroke=\"\($ink)\" stroke-width=\"2\" points=\"\([$p[] | "\(.x),\(.y)"] | join(" "))\"/>",
		($p[] | "<circle cx=\"\(.x)\" cy=\"\(.y)\" r=\"3\" fill=\"\($ink)\"><title>\($rate): \(.percent)%</title></circle>"),
		({"100ms": 0, fresh: 1, once: 2}[$rate] // 3) as $row
			| "<path d=\"M370 \(196 + $row * 22)h24\" stroke=\"\($ink)\" stroke-width=\"2\"/>",
			text(402; 200 + $row * 22; "fill=\"\($ink)\""; "\($rate) (dashed: -race)"),
		([.[] | select(.detector != null)] | select(length > 0) | part(.detector)
			| "<path d=\"M\("5" | x) \(y)H\("20" | x)\" stroke=\"\($ink)\" stroke-width=\"2\" stroke-dasharray=\"5 4\"/>")),
	"</svg>"' "$@"
