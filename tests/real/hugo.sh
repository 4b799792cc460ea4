#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A race nobody here wrote: stripped hugo 0.111.3 (bookworm, Go 1.19) and 0.131.0 (trixie, Go 1.22). In five runs of five
# `maprace watch -- hugo` must prove GetSortedMapValues against SetInMap and end with status 66.
# Trixie's hugo needs glibc 2.34, which Debian 12 has; libsass and libwebp of bookworm serve both, through LD_LIBRARY_PATH,
# so hugo is exec'ed directly and /proc/PID/exe is hugo, not a loader.
# usage: hugo.sh [RUNS]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/known.sh"

hugo_limit=120 # seconds a build may take
hugo_args=()
hugo_run() # LOG COMMAND-PREFIX...: builds the site, status in real_status
{
	local log=$1
	shift
	real_status=0
	rm -rf "$real_tmp/public"
	HOME=$real_tmp HUGO_CACHEDIR=$real_tmp/cache LD_LIBRARY_PATH=$hugo_libs \
		timeout -k 5 "$hugo_limit" "$@" "${hugo_args[@]}" >"$log" 2>&1 || real_status=$?
}

hugo_unwatched() # NAME: how it ends when nobody watches
{
	local i fine=0 started=${EPOCHREALTIME/./}
	for ((i = 1; i <= hugo_runs; i++)); do
		hugo_run "$real_tmp/log"
		((real_status)) || fine=$((fine + 1))
	done
	echo "        $1 unwatched: $fine of $hugo_runs runs end with status 0, $(((${EPOCHREALTIME/./} - started) / hugo_runs / 1000)) ms each"
}

hugo_watched() # NAME I
{
	local name="$1, run $2 of $hugo_runs" json=$real_build/hugo-$1-$2.json log=$real_build/hugo-$1-$2.log proofs others
	rm -f "$json"
	hugo_run "$log" "$maprace" watch -o "$json" --
	if ((real_status != 66)) || [[ ! -s $json ]]; then
		real_fail "$name: status $real_status, not 66"
		real_show "$log"
		return 0
	fi
	proofs=$(known_proofs "$json" GetSortedMapValues SetInMap)
	if [[ $(jq length <<<"$proofs") == 0 ]]; then
		real_fail "$name: a race, but none of GetSortedMapValues and SetInMap"
		real_show "$log"
		return 0
	fi
	real_pass "$name: $(jq -r '"\(length) site pairs (\(map(.evidence) | unique | join(", "))), seen \(map(.count) | add) times, the first at \(map(.first_seen_s) | min) s"' <<<"$proofs"), $(jq -r '"\(.duration_s) s, \(.stats.holds) holds, attached in \(.stats.attach_ms) ms, hugo ended with \(.targets[0].exit)"' "$json")"
	others=$(known_others "$json" "$proofs")
	if [[ $(jq length <<<"$others") != 0 ]]; then
		echo "        besides, for study:"
		known_pairs <<<"$others"
	fi
}

# All files of a run against its recording, rendered by nobody in a directory with nothing in it but maprace and the recording.
hugo_recording() # NAME
{
	local name=$1 files=$real_build/recording root=$real_tmp/empty outputs=() pair wrong=()
	local formats=(text.txt json.json jsonl.jsonl sarif.sarif junit.xml html.html)
	rm -rf "$files" "$root"
	mkdir -p "$files" "$root"
	for pair in "${formats[@]}"; do
		outputs+=(-o "$files/live.${pair#*.}")
	done
	hugo_run "$files/log" "$maprace" watch "${outputs[@]}" -o "$files/run.mrec" --
	if ((real_status != 66)); then
		real_fail "$name, recorded: status $real_status, not 66"
		return 0
	fi
	install -m 755 "$maprace" "$root/maprace"
	install -m 644 "$files/run.mrec" "$root/run.mrec"
	for pair in "${formats[@]}"; do
		chroot --userspec=65534:65534 "$root" /maprace report /run.mrec --format "${pair%.*}" >"$files/again.${pair#*.}" 2>&1 || true
		cmp -s "$files/live.${pair#*.}" "$files/again.${pair#*.}" || wrong+=("${pair%.*}")
	done
	if ((${#wrong[@]})); then
		real_fail "$name: the recording reads otherwise as ${wrong[*]}"
	else
		real_pass "$name: its recording of $(stat -c %s "$files/run.mrec") bytes renders as the run did in ${#formats[@]} formats, without root, hugo and Go"
	fi
}

# hugo_choose SUITE VERSION: false where it is another version
hugo_choose()
{
	local root
	root=$(real_root "$1" hugo)
	hugo_libs=$(real_root bookworm libsass1 libwebp7)/usr/lib/x86_64-linux-gnu
	hugo_args=("$root/usr/bin/hugo" --source "$real_tmp/site" --destination "$real_tmp/public" --quiet)
	LD_LIBRARY_PATH=$hugo_libs "${hugo_args[0]}" version | grep -q "v$2" && return 0
	real_skip "hugo of $1 is not $2 any more: $(LD_LIBRARY_PATH=$hugo_libs "${hugo_args[0]}" version 2>&1)"
	return 1
}

hugo_suite() # SUITE VERSION
{
	local i
	hugo_choose "$1" "$2" || return 0
	hugo_unwatched "hugo-$2"
	for ((i = 1; i <= hugo_runs; i++)); do
		hugo_watched "hugo-$2" "$i"
	done
	hugo_recording "hugo-$2"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	hugo_runs=${1:-5}
	real_begin
	"$real_src/site.sh" "$real_tmp/site"
	hugo_suite bookworm 0.111.3
	hugo_suite trixie 0.131.0
	real_close
fi
