// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two goroutines take turns by an atomic word and runtime.Gosched.
package main

import (
	"runtime"
	"sync/atomic"
)

var (
	turn int32
	m    = map[int]int{}
)

func step(worker, i int) {
	for atomic.LoadInt32(&turn) != int32(worker) {
		if stopping.Load() {
			return
		}
		runtime.Gosched()
	}
	m[i&63] = worker
	keep(m[i&31])
	atomic.StoreInt32(&turn, int32(1-worker))
}

func main() { tilt(2, step) }
