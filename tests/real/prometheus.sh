#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Debian's Prometheus and maprace daemon: what the daemon answers is what `promtool check metrics` and a real Prometheus take, which
# scrapes it every three seconds (as long a scrape may take, on a busy machine too), answers queries for a race's counters, and fires the
# alerts of packaging/prometheus for a race, for a panic that was recovered from, and for one that was not.
# Of Go processes only programs of ours are watched; one has a name that is hard to put into a label.
# usage: prometheus.sh
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/server.sh"

hard=$'ra"ce\\r\n{x="y"}\377\xc3\xa4'           # its name
hard_label=$'ra"ce\\r\n{x="y"}?\xc3\xa4'        # and as a label: what is no UTF-8 is '?'

build_racer()
{
	local root name
	root=$("$real_top/scripts/debs.sh" go 1.24)
	mkdir -p "$real_tmp/bin"
	for name in racer crashing; do
		GOROOT=$root GOTOOLCHAIN=local GOPROXY=off GO111MODULE=off GOFLAGS='' GOCACHE=${MAPRACE_CACHE:-$real_top/build/cache}/gocache \
			CGO_ENABLED=0 "$root/bin/go" build -ldflags='-s -w' -o "$real_tmp/bin/$name" "$real_top/tests/e2e/programs/$name.go" || return 1
	done
	cp "$real_tmp/bin/racer" "$real_tmp/bin/$hard"
}

race() # NAME: one that races for a while, and may die of it
{
	"$real_tmp/bin/$1" 60 >/dev/null 2>&1 &
	real_pids+=("$!")
}

daemon_start()
{
	daemon_port=$(server_free_port)
	"$maprace" daemon --panics --match "$real_tmp/bin/*" --log "$real_tmp/races.jsonl" --listen "127.0.0.1:$daemon_port" 2>"$real_tmp/daemon.err" &
	daemon=$!
	real_pids+=("$daemon")
	real_await 20 curl -sf "http://127.0.0.1:$daemon_port/healthz"
}

logged() # N
{
	[[ $(wc -l <"$real_tmp/races.jsonl") -ge $1 ]]
}

# Not a word, not even about names or help texts.
check_metrics()
{
	curl -sf "http://127.0.0.1:$daemon_port/metrics" >"$real_tmp/metrics" || return 1
	"$prometheus/usr/bin/promtool" check metrics <"$real_tmp/metrics" >"$real_tmp/promtool" 2>&1 && [[ ! -s $real_tmp/promtool ]] && return 0
	real_show "$real_tmp/promtool"
	return 1
}

prometheus_start()
{
	server_port=$(server_free_port)
	server_dir=$real_tmp
	cat >"$real_tmp/prometheus.yml" <<-EOF
		global:
		  scrape_interval: 3s
		  evaluation_interval: 1s
		rule_files: ["$rules/maprace.rules.yml"]
		scrape_configs:
		  - job_name: maprace
		    static_configs: [{targets: ["127.0.0.1:$daemon_port"]}]
	EOF
	real_check 'promtool takes the rules of packaging/prometheus' "$prometheus/usr/bin/promtool" check config "$real_tmp/prometheus.yml" >"$real_tmp/config"
	grep -E '^(ok|FAILED) ' "$real_tmp/config"
	real_check 'and their tests' rules_tested
	real_check 'they and the dashboard ask for nothing that there is not' names_are_there
	"$prometheus/usr/bin/prometheus" --config.file="$real_tmp/prometheus.yml" --storage.tsdb.path="$real_tmp/data" \
		--web.listen-address="127.0.0.1:$server_port" --log.level=warn >"$real_tmp/prometheus.log" 2>&1 &
	real_pids+=("$!")
}

rules_tested()
{
	(cd "$rules" && "$prometheus/usr/bin/promtool" test rules maprace.test.yml) >"$real_tmp/promtool" 2>&1 && return 0
	real_show "$real_tmp/promtool"
	return 1
}

# The page says of each metric what it is, also of those that have no value yet.
names_are_there()
{
	local dashboard=$real_top/packaging/grafana/maprace.json name
	jq -e '.panels | length > 0 and all(.[]; .targets | length > 0)' "$dashboard" >/dev/null || return 1
	while read -r name; do
		grep -q "^# HELP $name " "$real_tmp/metrics" && continue
		echo "        no metric $name"
		return 1
	done < <(cat <(jq -r '.panels[].targets[].expr, .templating.list[].query' "$dashboard") <(grep 'expr:' "$rules/maprace.rules.yml") |
		grep -o 'maprace_[a-z_]*' | sort -u)
}

# query EXPRESSION: its result, to $real_tmp/answer
query()
{
	curl -sSf --max-time 5 --data-urlencode "query=$1" "http://127.0.0.1:$server_port/api/v1/query" 2>/dev/null |
		jq -e '.data.result' >"$real_tmp/answer"
}

# answers EXPRESSION FILTER [ARG...]: of jq
answers()
{
	query "$1" && jq -e "${@:3}" "$2" "$real_tmp/answer" >/dev/null
}

fires() # NAME
{
	curl -sSf --max-time 5 "http://127.0.0.1:$server_port/api/v1/alerts" | jq -e --arg name "$1" \
		'any(.data.alerts[]; .labels.alertname == $name and .state == "firing" and .labels.exe != null)' >/dev/null
}

# It lives for half a second, and may not be watched so soon.
recovers()
{
	"$real_tmp/bin/crashing" recovers >/dev/null 2>&1 || true
	sleep 3
	answers 'maprace_panics_total{kind="runtime"}' 'any(.[]; .metric.exe == $exe and (.value[1] | tonumber) >= 1)' \
		--arg exe "$real_tmp/bin/crashing"
}

figure() # WHAT EXPRESSION UNIT
{
	query "$2" && printf '        %s: %s %s\n' "$1" "$(jq -r '.[0].value[1]' "$real_tmp/answer")" "$3"
}

real_begin
real_tools
prometheus=$(real_root bookworm prometheus)
rules=$real_top/packaging/prometheus
build_racer
real_check 'the daemon answers' daemon_start
real_check 'promtool check metrics, before anything was found' check_metrics
race racer
prometheus_start
real_check 'Prometheus scrapes it' real_await 30 answers 'up{job="maprace"}' '.[0].value[1] == "1"'
real_check 'the race is in the log' real_await 40 logged 1
id=$(jq -r .data.id "$real_tmp/races.jsonl" | head -n 1)
real_check 'a query for its counter is answered' real_await 20 answers \
	"maprace_race_sightings_total{id=\"$id\"}" '.[0] | (.value[1] | tonumber) >= 1 and .metric.exe == $exe and .metric.kind != ""' \
	--arg exe "$real_tmp/bin/racer"
race "$hard"
real_check 'so is one for that of a program whose name is hard' real_await 40 answers \
	"maprace_race_processes_total{exe=~\"(?s).*/ra.*{.*\"}" '.[0] | .value[1] == "1" and .metric.exe == $exe' \
	--arg exe "$real_tmp/bin/$hard_label"
real_check 'promtool check metrics, with both' check_metrics
real_check 'sums over programs' answers 'count(sum by (exe) (maprace_race_sightings_total))' '.[0].value[1] == "2"'
real_check 'the number of those that are watched' answers 'maprace_go_processes_watched_total' '(.[0].value[1] | tonumber) == 2'
real_check 'the alert for a race fires' real_await 40 fires GoMapRace
real_check 'panics that are recovered from are counted' real_await 60 recovers
real_check 'the alert for a panic fires' real_await 40 fires GoPanicsAnew
"$real_tmp/bin/crashing" string >/dev/null 2>&1 || true
real_check 'a death by a panic is counted' real_await 20 answers 'maprace_deaths_total{cause="panic"}' '.[0].value[1] == "1" and .[0].metric.exe == $exe' \
	--arg exe "$real_tmp/bin/crashing"
real_check 'the alert for a death fires' real_await 40 fires GoProcessDied
real_check 'no scrape failed' answers 'min_over_time(up{job="maprace"}[2m])' '.[0].value[1] == "1"'
real_check 'nothing is left out of a scrape' answers 'scrape_samples_scraped - scrape_samples_post_metric_relabeling' '.[0].value[1] == "0"'
figure 'samples of a scrape' 'scrape_samples_scraped' ''
figure 'a scrape takes, on the average' 'avg_over_time(scrape_duration_seconds[2m])' s
figure 'and at most' 'max_over_time(scrape_duration_seconds[2m])' s
figure 'CPU of the daemon' 'rate(maprace_cpu_seconds_total[20s])' 's a second'
figure 'memory of the daemon' 'maprace_resident_memory_bytes' bytes
real_stop "$daemon" TERM
real_check 'the daemon ends' test "$real_status" = 0
real_check 'Prometheus knows that it is gone' real_await 20 answers 'up{job="maprace"}' '.[0].value[1] == "0"'
real_close
