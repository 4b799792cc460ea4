#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The whole story in ten seconds: a stripped Go service with a race that Go's own check does not see is started, maprace is
# attached to it and prints the proof, and the document it writes is looked at. `make demo` builds and installs what it needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=build/demo
service=
# shellcheck disable=SC2329 # called by the trap
stop_service()
{
	[[ -z $service ]] || kill "$service" 2>/dev/null || true
}
trap stop_service EXIT

say()
{
	printf '\n--- %s\n' "$*"
}

((EUID == 0)) || { echo 'demo: has to be run as root' >&2 && exit 1; }
[[ -x build/maprace ]] || { echo 'demo: build/maprace is missing: make' >&2 && exit 1; }
go=$(command -v go || scripts/debs.sh go 1.19)
[[ $go == */bin/go || ! -d $go ]] || go=$go/bin/go

mkdir -p "$build"
say "$("$go" version): building tests/demo/service.go, stripped, without -race"
env GOTOOLCHAIN=local GOPROXY=off GOFLAGS='' GO111MODULE=off CGO_ENABLED=0 GOCACHE="$PWD/$build/gocache" \
	"$go" build -ldflags='-s -w' -o "$build/service" tests/demo/service.go

# real-time priority: on a busy machine the accesses would else be pushed around, onto or away from each other
calm=()
! chrt -r 1 true 2>/dev/null || calm=(chrt -r 1)
"${calm[@]}" "$build/service" >"$build/service.log" 2>&1 &
service=$!
until grep -q '^ready' "$build/service.log"; do
	kill -0 "$service" 2>/dev/null || { cat "$build/service.log" >&2 && exit 1; }
	sleep 0.05
done

rm -f "out.json"
say "maprace watch -p $service -d 10 -o out.json"
status=0
build/maprace watch -p "$service" -d 10 -o "out.json" || status=$?
say "exit status $status"
if ! kill -0 "$service" 2>/dev/null; then
	say "the service has died of its race by itself"
	sed -n '2,/^$/p' "$build/service.log"
fi

if [[ -s out.json ]]; then
	say "out.json, $(wc -c <"out.json") bytes; its first race, in short"
	if command -v jq >/dev/null; then
		jq '.races[0] | {id, evidence, kind, count, map: .map.type,
			accesses: [.accesses[] | {op, goroutine, at: [.stack[] | select(.function | startswith("main."))][0] |
				"\(.function) \(.file | split("/") | last):\(.line)"}]}' "out.json"
	else
		head -c 1500 "out.json"
	fi
fi
if ((status != 66)); then
	echo "demo: no race was proved in 10 s (the machine may be busy): run it again" >&2
	exit 1
fi
