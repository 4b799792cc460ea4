#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Prints a racy Go program that would make a tool grow which keeps all it is told: functions with names of 62,000 bytes,
# inlined 16 deep, called 50 deep, and races between any two of 400 lines, on maps that nobody has seen before. The maps are
# empty, where delete() does not come as far as Go's own check.
#
# usage: hostile_names.sh FILE     the lines that race are said to be in FILE
set -euo pipefail

depth=16 lines=400
long=$(printf 'x%.0s' {1..62000})

cat <<'GO'
// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
package main

import (
	"math/rand"
	"time"
)

var (
	maps  [8192]map[int]int
	again func(int, map[int]int, int)
)

func main() {
	for i := range maps {
		maps[i] = map[int]int{}
	}
	for i := 0; i < 4; i++ {
		work(func(count *int64) {
			for ; !stopping.Load(); *count++ {
				deep0(40+rand.Intn(8), maps[int(time.Since(began)/(16*period))%len(maps)], rand.Intn(400))
				time.Sleep(50 * time.Microsecond)
			}
		})
	}
	wait()
}

//go:noinline
GO
echo 'func leaf(m map[int]int, line int) {'
echo '	switch line {'
for ((i = 0; i < lines; i++)); do
	echo "	case $i:"
	echo "//line ${1:?}:$((i + 1))"
	echo "		delete(m, $i)"
done
echo '	}'
echo '}'
echo
echo '//go:noinline'
echo "func deep0(n int, m map[int]int, line int) { deep1_$long(n, m, line); sink++ }"
for ((i = 1; i < depth; i++)); do
	echo "func deep${i}_$long(n int, m map[int]int, line int) { deep$((i + 1))_$long(n, m, line) }"
done
cat <<GO
func deep${depth}_$long(n int, m map[int]int, line int) {
	if n == 0 {
		leaf(m, line)
		return
	}
	again(n-1, m, line)
}

var sink int

func init() { again = deep0 }
GO
