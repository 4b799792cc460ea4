// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The collector runs without a pause, and finalizers use a map under the lock that the workers use.
package main

import (
	"runtime"
	"sync"
)

type object struct{ id int }

var (
	mu sync.Mutex
	m  = map[int]*object{}
)

func finalize(o *object) {
	mu.Lock()
	delete(m, -o.id)
	mu.Unlock()
}

func step(worker, i int) {
	if worker == 0 {
		runtime.GC()
		return
	}
	o := &object{i & 1023}
	runtime.SetFinalizer(o, finalize)
	mu.Lock()
	m[i&255] = o
	m[-o.id] = nil
	mu.Unlock()
}

func main() { tilt(3, step) }
