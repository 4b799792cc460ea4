// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two goroutines write to a map without order, each in its own slots of 20 us by the clock, from the first moment on.
package main

import "time"

var m = map[int]int{}

//go:noinline
func put(i int) { m[1] = i }

func lane(odd int64) {
	last := int64(0)
	for {
		slot := time.Now().UnixNano() / 20000
		if slot&1 == odd && slot != last {
			put(int(slot))
			last = slot
		}
	}
}

func main() {
	go lane(0)
	go lane(1)
	time.Sleep(6 * time.Second)
}
