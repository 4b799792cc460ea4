// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Goroutines that are bound to a thread each, more threads than processors, and goroutines that hop between threads.
package main

import (
	"runtime"
	"sync"
	"time"
)

var (
	mu sync.Mutex
	m  = map[int]int{}
)

func use(i int) {
	mu.Lock()
	m[i&127] = i
	keep(m[(i+1)&127])
	mu.Unlock()
}

func bound(count *int64) {
	runtime.LockOSThread()
	for i := 0; !stopping.Load(); i++ {
		use(i)
		*count++
		if i%200 == 0 {
			time.Sleep(50 * time.Microsecond)
		}
	}
}

func main() {
	for i := 0; i < 8; i++ {
		work(bound)
	}
	tilt(2, func(worker, i int) {
		use(i)
		if i%16 == 0 {
			runtime.Gosched()
		}
	})
}
