#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A race its own people have on record: stripped crowdsec 1.4.6 (bookworm, Go 1.19), crowdsecurity/crowdsec#2061, mended by #2113.
# With -dump-data, which is what `cscli explain` runs it with, every parser routine notes each step of each line in
# parser.StageParseCache[stage][node], a map of maps: parser.Parse in pkg/parser/runtime.go looks up and assigns there, as many
# routines at once as `parser_routines` of config.yaml says. No lock is near, and the routines share nothing but the channel their
# lines come from.
# What is run is the command line of `cscli explain --file LOG --type nginx`, with four routines and the parsers that the package
# enables; LOG is a pipe, so that the lines come when maprace is there. A second crowdsec is the local API that it logs in to.
# Go gets eight threads, as it would on eight CPUs: one that stands in a hold keeps its own.
# started: the same as a command that maprace starts, with its own options and nobody's GOMAXPROCS, on a file of so many lines:
# whether the race is proved, and how long it takes, alone before and after each time.
# usage: crowdsec.sh [RUNS]
#        crowdsec.sh started [RUNS [LINES]]    (5, 30000)
# Environment: REAL_LIMIT (60) seconds a run may last
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/known.sh"

crowdsec_version=1.4.6
crowdsec_site='crowdsec/pkg/parser\.Parse( |$)'

crowdsec_items() # KIND FILE...: enables items of the hub as the package's postinst does
{
	local kind=$1 item
	shift
	mkdir -p "$dir/etc/$kind"
	for item in "$@"; do
		ln -s "$hub/$kind/crowdsecurity/$item" "$dir/etc/$kind/$item"
	done
}

crowdsec_settings()
{
	mkdir -p "$dir/etc/scenarios" "$dir/data" "$dir/dump"
	ln -s "$root/etc/crowdsec/patterns" "$dir/etc/patterns"
	crowdsec_items parsers/s00-raw syslog-logs.yaml
	crowdsec_items parsers/s01-parse apache2-logs.yaml nginx-logs.yaml sshd-logs.yaml
	crowdsec_items parsers/s02-enrich dateparse-enrich.yaml http-logs.yaml whitelists.yaml
	cp "$root/etc/crowdsec/simulation.yaml" "$root/etc/crowdsec/profiles.yaml" "$dir/etc"
	: >"$dir/etc/credentials.yaml"
	: >"$dir/etc/console.yaml"
	cat >"$dir/etc/config.yaml" <<-END
		common:
		  daemonize: false
		  log_media: stdout
		  log_level: warning
		config_paths:
		  config_dir: $dir/etc
		  data_dir: $dir/data
		  simulation_path: $dir/etc/simulation.yaml
		  hub_dir: $hub
		  index_path: $hub/.index.json
		crowdsec_service:
		  parser_routines: 4
		db_config:
		  type: sqlite
		  db_path: $dir/data/crowdsec.db
		cscli:
		  output: raw
		api:
		  client:
		    credentials_path: $dir/etc/credentials.yaml
		  server:
		    listen_uri: 127.0.0.1:$("$real_build/serve" --port)
		    profiles_path: $dir/etc/profiles.yaml
		    console_path: $dir/etc/console.yaml
	END
}

crowdsec_lines() # SECOND: two hundred
{
	awk -v seed="$1" 'BEGIN {
		for (n = 0; n < 200; n++)
			printf "192.0.2.%d - - [21/Nov/2022:10:%02d:%02d +0000] \"GET /%d/%d HTTP/1.1\" 404 153 \"-\" \"curl\"\n", n + 1, seed / 60 % 60, seed % 60, seed, n
	}'
}

# lines of a web server, two thousand a second at most; what has been parsed stays in crowdsec's memory
crowdsec_feed()
{
	local i
	for ((i = 0; i < known_limit * 10; i++)); do
		crowdsec_lines "$i"
		sleep 0.1
	done >"$dir/access.log"
}

crowdsec_api() # the local API, which the other logs in to
{
	"$root/usr/bin/cscli" -c "$dir/etc/config.yaml" machines add real --auto >"$dir/api.log" 2>&1
	"$root/usr/bin/crowdsec" -c "$dir/etc/config.yaml" -no-cs </dev/null >>"$dir/api.log" 2>&1 &
	real_pids+=("$!")
	real_await 20 curl -s -o /dev/null --max-time 2 "$(awk '/^url:/ { print $2 }' "$dir/etc/credentials.yaml")"
}

crowdsec_started()
{
	grep -q 'Starting processing data' "$dir/log" || real_gone "$pid"
}

# crowdsec_run COMMAND...: with one of its own
crowdsec_run()
{
	rm -f "$dir/access.log"
	mkfifo "$dir/access.log"
	GOMAXPROCS=8 "${explain[@]}" </dev/null >"$dir/log" 2>&1 &
	pid=$!
	real_pids+=("$pid")
	real_await 60 crowdsec_started || true
	"$@"
	real_stop "$pid" KILL
}

crowdsec_unwatched()
{
	known_unwatched "$pid" "$dir/log" crowdsec_feed
}

crowdsec_watched() # I
{
	known_watch "crowdsec-$crowdsec_version-$1" "$crowdsec_site" "$crowdsec_site" "$pid" crowdsec_feed
	echo "        crowdsec itself: $(known_end "$dir/log")"
}

# crowdsec_begin: with the local API; false where it is another version, or the API does not answer
crowdsec_begin()
{
	root=$(real_root bookworm crowdsec)
	hub=$root/usr/share/crowdsec/hub
	dir=$real_tmp/crowdsec
	explain=("$root/usr/bin/crowdsec" -c "$dir/etc/config.yaml" -type nginx -dsn "file://$dir/access.log" -dump-data "$dir/dump" -no-api -info)
	if [[ $("${explain[0]}" -version 2>&1) != *"v$crowdsec_version"* ]]; then
		real_skip "crowdsec of bookworm is not $crowdsec_version any more"
		return 1
	fi
	crowdsec_settings
	if ! crowdsec_api; then
		real_fail "the local API answers"
		real_show "$dir/api.log"
		return 1
	fi
}

# crowdsec_took COMMAND...: milliseconds, as $took; it dies of Go's own check or not
crowdsec_took()
{
	local began=${EPOCHREALTIME/./}
	took_status=0
	timeout -k 1 "$known_limit" "$@" </dev/null >"$dir/log" 2>&1 || took_status=$?
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
}

crowdsec_own_end()
{
	grep -a -m 1 '^fatal error: ' "$dir/log" || echo "status $took_status"
}

# crowdsec_proofs FILE: how it was proved in one run, and when; nothing where it was not. Go's own check may come first: it kills the
# process, and shows one side.
crowdsec_proofs()
{
	jq -r --arg site "$crowdsec_site" '[.races[] | select(.evidence != "window" and any(.accesses[]; any(.stack[]; .function | test($site))))]
		| group_by(.evidence)[] | "\(.[0].evidence) after \(map(.first_seen_s) | min) s"' "$1"
}

# crowdsec_as_command RUNS LINES
crowdsec_as_command()
{
	local i json=$real_build/crowdsec-started.json found=0 pairs=0 took took_status alone proofs
	rm -f "$dir/access.log"
	for ((i = 0; i < $2 / 200; i++)); do crowdsec_lines "$i"; done >"$dir/access.log"
	for ((i = 1; i <= $1; i++)); do
		crowdsec_took "${explain[@]}"
		alone=$took
		echo "        alone: $took ms, $(crowdsec_own_end)"
		rm -f "$json"
		crowdsec_took "$maprace" watch -q -o "$json" -- "${explain[@]}"
		proofs=$(crowdsec_proofs "$json") || true
		[[ -z $proofs ]] || found=$((found + 1))
		[[ $proofs != *collision* && $proofs != *in-flight* ]] || pairs=$((pairs + 1))
		echo "        watched: $took ms, $(crowdsec_own_end); $(paste -sd, <<<"${proofs:-not proved}")"
		awk -v a="$alone" -v w="$took" 'BEGIN { printf "        ratio %.2f\n", w / a }'
	done
	if ((found == $1)); then
		real_pass "crowdsec-$crowdsec_version, started: proved in $found of $1, both sides in $pairs"
	else
		real_fail "crowdsec-$crowdsec_version, started: proved in $found of $1, both sides in $pairs"
	fi
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	real_begin
	real_tools
	if [[ ${1:-} == started ]]; then
		! crowdsec_begin || crowdsec_as_command "${2:-5}" "${3:-30000}"
	elif crowdsec_begin; then
		crowdsec_run crowdsec_unwatched
		for ((i = 1; i <= ${1:-3}; i++)); do
			crowdsec_run crowdsec_watched "$i"
		done
	fi
	real_close
fi
