// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Copy on write: readers load the map from an atomic.Value, one writer at a time publishes a changed copy.
package main

import (
	"sync"
	"sync/atomic"
)

var (
	mu  sync.Mutex
	now atomic.Value
)

func step(worker, i int) {
	if i%64 != 0 {
		m := now.Load().(map[string]int)
		keep(m[words[i&15]])
		return
	}
	mu.Lock()
	defer mu.Unlock()
	next := map[string]int{}
	for k, v := range now.Load().(map[string]int) {
		next[k] = v
	}
	next[words[i>>6&15]] = i
	now.Store(next)
}

func main() {
	now.Store(map[string]int{})
	tilt(4, step)
}
