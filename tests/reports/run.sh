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

# Of a process that died with seven groups of goroutines a text finds those that it is in, and they are unfolded, then folded.
finds()
{
	local page=$out/page-find.html dom script
	script="var g=document.querySelector('.groups'),f=g.querySelector('input'),b=g.querySelector('button'),t=[];"
	script+="function n(s){return g.querySelectorAll(s).length}f.value='WORKER4';f.dispatchEvent(new Event('input'));"
	script+="t.push(n('details:not([hidden])'),g.querySelector('output').value);b.click();t.push(n('details[open]'));b.click();t.push(n('details[open]'));"
	script+="f.value='';f.dispatchEvent(new Event('input'));t.push(n('details:not([hidden])'),g.querySelector('output').value);"
	script+="document.body.dataset.found=t.join('|')"
	"$maprace" report "$out/death.json" --format html |
		sed "/Content-Security-Policy/d; s#</body>#<script>$script</script></body>#" >"$page"
	dom=$(browse --dump-dom "file://$page") || return 1
	grep -qF 'data-found="1|1 of 7 groups|1|0|7|"' <<<"$dom" && grep -q '<path class="hot"' <<<"$dom" && grep -qF 'concurrent map writes' <<<"$dom"
}

picture()
{
	local name=$1 size=$2
	shift 2
	browse --window-size="$size" --screenshot="$out/$name.png" "$@" "file://$out/page-${page:-shop}.html" >/dev/null || return 1
	[[ $(head -c 4 "$out/$name.png" | tail -c 3) == PNG && $(stat -c %s "$out/$name.png") -gt 20000 ]]
}

for name in clone growth_read shop; do
	"$maprace" report "$top/tests/recordings/$name.mrec" --format json >"$out/$name.json"
done
cp "$top"/tests/fuzz/seeds/json_read/{full,empty}.json "$out"
jq 'def frame($f; $n): {function: $f, file: "/src/main.go", line: $n, start_line: 1, pc: "0x1", inlined: false, runtime: false};
	def side($role; $id): {role: $role, goroutine: $id, op: "write", state: "running", created_by: null,
		stack: [frame("main.(*Cache).put" + ($id | tostring); $id)], labels: {handler: "<b>add</b>"}};
	.deaths = [{pid: 7, exe: "/srv/app", at_s: 1, cause: "conflict", message: "concurrent map writes", not_identified: "", stopped_ms: 1,
		by_signal: true, conflict: [side("died"; 18), side("inside"; 19)], map: (.races[0].map),
		snapshot: {pid: 7, exe: "/srv/app", freeze_ms: 1, max_freeze_ms: 50, threads: 3, goroutines: 7, unread: 0, maps: [], notes: [],
			groups: [range(7) as $i | {count: 1, goroutines: [$i], state: "waiting", wait: "chan receive", in_map: false, system: false,
				stack: [frame("main.worker" + ($i | tostring); 10 + $i)], created_by: null}]}}] | .races = [] | .suspects = []' \
	"$out/full.json" >"$out/death.json"
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
	check 'HTML: groups of goroutines are found' finds
	render death "$out/death.json"
	page=death check 'HTML: a picture of a death' picture death 1000,1100
	check 'HTML: a picture' picture light 1000,860
	check 'HTML: a picture in dark mode' picture dark 1000,860 --blink-settings=preferredColorScheme=0
	check 'HTML: a picture on a phone' picture narrow 500,1000
else
	skip 'HTML: no chromium'
fi
echo "$passed passed, $failed failed$( ((skipped)) && echo ", $skipped skipped")"
((!failed))
