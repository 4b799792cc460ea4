#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What other programs read, held against what they say they read: SARIF against the schema of OASIS, JUnit XML
# against an XML schema, HTML in a headless browser. Pictures of the page are left in build/reports.
# usage: tests/reports/run.sh
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out=$top/build/reports
maprace=${MAPRACE:-$top/build/maprace}
passed=0
failed=0
skipped=0
names=(clone growth_read shop full empty hostile)
mkdir -p "$out"

check()
{
	local what=$1
	shift
	if "$@" >"$out/log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		cat "$out/log"
		echo "  FAIL   $what"
	fi
}

skip()
{
	skipped=$((skipped + 1))
	echo "  SKIP   $1"
}

# all strings of a report made hostile
hostile()
{
	# shellcheck disable=SC2016
	jq --arg bad '"><script>document.title="owned"</script><img src=x onerror="document.title=1">' \
		'(.. | objects | select(has("function")) | .function) |= . + $bad
		| (.. | objects | select(has("file")) | .file) |= . + $bad
		| (.. | objects | select(has("type")) | .type) |= . + $bad
		| .host.kernel += $bad | .tool.version += $bad | .targets[].exe += $bad
		| .races[1].message += $bad' "$1"
}

render()
{
	local name=$1 from=$2 format
	for format in sarif junit html; do
		"$maprace" report "$from" --format "$format" >"$out/$name.$format"
	done
	cp "$out/$name.html" "$out/page-$name.html"
}

browse()
{
	timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
		--user-data-dir="$out/profile" --enable-logging=stderr "$@" 2>"$out/browser.log"
}

# the browser complains of nothing (a script that its policy refuses included), and the title is ours
opens()
{
	local dom
	dom=$(browse --dump-dom "file://$out/page-$1.html") || return 1
	! grep -E 'CONSOLE' "$out/browser.log" || return 1
	grep -q '<title>maprace report</title>' <<<"$dom" || return 1
	! grep -qE '<img|<script>document.title' <<<"$dom" || return 1
	[[ $(grep -c '<article ' <<<"$dom") -eq $(jq '(.races | length) + (.suspects | length)' "$out/$1.json") ]]
}

# a column head that is pressed sorts its table: most reads first, then fewest
sorts()
{
	local page=$out/page-sort.html dom script
	script="var b=document.querySelectorAll('th button')[5],t=[];for(var i=0;i<2;i++){b.click();"
	script+="t.push(Array.from(document.querySelector('tbody').rows).map(function(r){"
	script+="return r.cells[5].textContent}).join())}document.body.dataset.sorted=t.join('|')"
	jq '.maps[0].reads = 7 | .maps[1].reads = 100 | .maps[2].reads = 3 | .maps[3].reads = 20' "$out/full.json" |
		"$maprace" report - --format html |
		sed "/Content-Security-Policy/d; s#</body>#<script>$script</script></body>#" >"$page"
	dom=$(browse --dump-dom "file://$page") || return 1
	grep -qF 'data-sorted="100,20,7,3|3,7,20,100"' <<<"$dom"
}

picture()
{
	local name=$1 size=$2
	shift 2
	browse --window-size="$size" --screenshot="$out/$name.png" "$@" "file://$out/page-shop.html" >/dev/null || return 1
	[[ $(head -c 4 "$out/$name.png" | tail -c 3) == PNG && $(stat -c %s "$out/$name.png") -gt 20000 ]]
}

for name in clone growth_read shop; do
	"$maprace" report "$top/tests/recordings/$name.mrec" --format json >"$out/$name.json"
done
cp "$top"/tests/fuzz/seeds/json_read/{full,empty}.json "$out"
hostile "$out/full.json" >"$out/hostile.json"
for name in "${names[@]}"; do
	render "$name" "$out/$name.json"
done

if command -v npm >/dev/null && command -v node >/dev/null; then
	if [[ ! -d $out/node/node_modules/ajv ]]; then
		mkdir -p "$out/node"
		(cd "$out/node" && timeout 120 npm install --no-audit --no-fund --silent @microsoft/jest-sarif@1.0.0-beta.0) >"$out/log" 2>&1 || true
	fi
	for name in "${names[@]}"; do
		check "SARIF of $name" node "$top/tests/reports/sarif.js" "$out/node/node_modules" "$out/$name.sarif"
	done
else
	skip 'SARIF: no node and npm to fetch its schema with'
fi
for name in "${names[@]}"; do
	check "JUnit XML of $name" xmllint --noout --nonet --schema "$top/tests/reports/junit.xsd" "$out/$name.junit"
done
if browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome); then
	for name in "${names[@]}"; do
		check "HTML of $name" opens "$name"
	done
	check 'HTML: the table sorts' sorts
	check 'HTML: a picture' picture light 1000,860
	check 'HTML: a picture in dark mode' picture dark 1000,860 --blink-settings=preferredColorScheme=0
	check 'HTML: a picture on a phone' picture narrow 500,1000
else
	skip 'HTML: no chromium'
fi
echo "$passed passed, $failed failed$( ((skipped)) && echo ", $skipped skipped")"
((!failed))
