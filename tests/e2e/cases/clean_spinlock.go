// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A lock made of one atomic word: nothing in it that a tool could know as a lock.
package main

import (
	"runtime"
	"sync/atomic"
)

var (
	word uint32
	m    = map[int]int{}
)

func lock() {
	for spins := 0; !atomic.CompareAndSwapUint32(&word, 0, 1); spins++ {
		if spins > 100 {
			runtime.Gosched()
		}
	}
}

func unlock() { atomic.StoreUint32(&word, 0) }

func step(worker, i int) {
	lock()
	m[i&255] = worker
	keep(m[(i+1)&255])
	delete(m, (i+128)&255)
	unlock()
}

func main() { tilt(4, step) }
