#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# go test ./... of sixteen packages under maprace, by hand: seven race (one times out, one panics, one in a process that it starts),
# one fails, eight are clean. In each run all that race are found, with the test binary that it was, and nobody else; the status
# is 66, JUnit has a suite for each, nothing is left behind, and the time is at most twice that of go test alone and a second.
#
# usage: tests/e2e/gotest.sh [RUNS [VERSION...]]      (5 runs; 1.19 1.27); then once each by make and by sh with & and wait
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/follow.sh
. "$(dirname "${BASH_SOURCE[0]}")/follow.sh"

race_s=4
limit_s=12 # of go test, for each binary
racers='["forks.test","panics.test","racy1.test","racy2.test","racy3.test","racy4.test","timesout.test"]'

# package NAME: a test, from standard input
package()
{
	mkdir -p "$work/mod/$1"
	{
		printf 'package %s\n\n' "$1"
		cat
	} >"$work/mod/$1/it_test.go"
}

# race_test AFTER: a test that races, and what it does then
race_test()
{
	cat <<-EOF
		import (
			"os"
			"os/exec"
			"testing"
			"time"
		)

		var m = map[string]int{"a": 1}
		var _ = exec.Command
		var _ = os.Getenv

		// each in two milliseconds, one apart, kept apart by the clock alone: seldom inside at once unless one is held
		func at(phase, step time.Duration) time.Duration {
			return time.Until(time.Now().Truncate(step).Add(step + phase))
		}

		func race() {
			const step = 2 * time.Millisecond
			end := time.Now().Add($race_s * time.Second)
			done := make(chan int)
			go func() {
				for ; time.Now().Before(end); time.Sleep(at(0, step)) {
					m["a"]++
				}
				close(done)
			}()
			for time.Now().Before(end) {
				time.Sleep(at(time.Millisecond, step))
				_ = m["a"]
			}
			<-done
		}

		func TestIt(t *testing.T) {
			$1
		}
	EOF
}

clean_test() # AFTER
{
	cat <<-EOF
		import (
			"sync"
			"testing"
			"time"
		)

		func TestIt(t *testing.T) {
			var mu sync.Mutex
			var all sync.WaitGroup
			m := map[int]int{}
			for g := 0; g < 2; g++ {
				all.Add(1)
				go func() {
					defer all.Done()
					for i := 0; i < 500; i++ {
						mu.Lock()
						m[i]++
						mu.Unlock()
						time.Sleep(time.Millisecond)
					}
				}()
			}
			all.Wait()
			$1
		}
	EOF
}

module()
{
	local i
	rm -rf "$work/mod"
	mkdir -p "$work/mod"
	printf 'module example.com/many\n\ngo 1.19\n' >"$work/mod/go.mod"
	for i in 1 2 3 4 5 6 7 8; do clean_test '' | package "clean$i"; done
	clean_test 't.Error("it fails")' | package fails
	for i in 1 2 3 4; do race_test 'race()' | package "racy$i"; done
	race_test 'race(); select {}' | package timesout
	race_test 'race(); panic("as it was to")' | package panics
	# shellcheck disable=SC2016
	race_test 'if os.Getenv("CHILD") != "" {
				race()
				return
			}
			child := exec.Command(os.Args[0], "-test.run=TestIt")
			child.Env = append(os.Environ(), "CHILD=1")
			if out, err := child.CombinedOutput(); err != nil {
				t.Logf("%v: %s", err, out)
			}' | package forks
	printf 'test:\n\t%s test -count=1 -timeout %ss -p 4 ./...\n' "$goroot/bin/go" "$limit_s" >"$work/mod/Makefile"
}

in_module() # COMMAND...: with the settings of go
{
	(cd "$work/mod" && env GOROOT="$goroot" GOTOOLCHAIN=local GOPROXY=off GO111MODULE=on GOFLAGS='' CGO_ENABLED=0 MAKEFLAGS='' \
		GOCACHE="${MAPRACE_CACHE:-$e2e_top/build/cache}/gocache" "$@")
}

milliseconds()
{
	echo $((${EPOCHREALTIME/./} / 1000))
}

# alone: how long go test takes by itself, built already
alone()
{
	local status=0 from
	in_module "$goroot/bin/go" test -count=1 -timeout "${limit_s}s" -p 4 ./... >"$work/alone" 2>&1 || true
	from=$(milliseconds)
	in_module "$goroot/bin/go" test -count=1 -timeout "${limit_s}s" -p 4 ./... >"$work/alone" 2>&1 || status=$?
	alone_ms=$(($(milliseconds) - from))
	must "alone: status $status" test "$status" = 1
}

nothing_left()
{
	! pgrep -f "$work/out.json|/many/|go-build.*[.]test" >/dev/null
}

# all_found STATUS: of the run that is over
all_found()
{
	must "status $1" test "$1" = 66 || return 1
	must 'not those that race, all of them and nobody else' jq -e --argjson racers "$racers" \
		'(.targets | map({key: (.pid | tostring), value: (.exe | split("/")[-1])}) | from_entries) as $exe |
		 ([.races[] | $exe[.pid | tostring]] | unique) == $racers' "$work/out.json" >"$work/jq" || return 1
	counted '.followed.watched == 17 and (.targets | map(.exe) | unique | length) == 16' || return 1
	counted 'all(.followed.not_watched[]; .why == "it is a tool of Go'"'"'s own")' || return 1
	must 'not a suite for each' test "$(grep -oE '<testsuite name="[a-z0-9]*[.]test"' "$work/out.xml" | sort -u | wc -l)" = 16 || return 1
	must 'the one that times out did not' grep -aq "panic: test timed out after ${limit_s}s" "$work/stdout" || return 1
	must 'something is left' wait_until 10 nothing_left
}

# run NAME COMMAND...
run()
{
	local status=0 from took name=$1
	shift
	rm -f "$work"/out.*
	from=$(milliseconds)
	in_module timeout -k 5 200 "$maprace" watch --no-color -o "$work/out.json" -o "$work/out.xml" -- "$@" >"$work/stdout" 2>"$work/stderr" </dev/null || status=$?
	took=$(($(milliseconds) - from))
	why=''
	if all_found "$status" && must "$took ms, alone $alone_ms" test "$took" -le $((2 * alone_ms + 1000)); then
		pass "gotest: $name: $took ms, alone $alone_ms"
	else
		fail "gotest: $name" "$why"
	fi
}

runs=${1:-5}
shift || true
versions=("$@")
((${#versions[@]})) || versions=(1.19 1.27)
for version in "${versions[@]}"; do
	fresh_work "gotest-$version"
	go_root "$version"
	module
	why=''
	alone || { fail "gotest: Go $version" "$why" && continue; }
	go=("$goroot/bin/go" test -count=1 -timeout "${limit_s}s" -p 4)
	for ((i = 1; i <= runs; i++)); do run "Go $version, run $i" "${go[@]}" ./...; done
	run "Go $version, make" make test
	# shellcheck disable=SC2016
	run "Go $version, sh" sh -c '"$@" ./clean... ./fails/ ./racy1/ ./racy2/ & "$@" ./racy3/ ./racy4/ ./timesout/ ./panics/ ./forks/; wait' sh "${go[@]}"
done
finish
