// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Snapshots: a clone is made under the lock and read outside of it.
//
// MIN-GO 1.21
package main

import (
	"maps"
	"sync"
)

var (
	mu sync.Mutex
	m  = map[string]int{}
)

func step(worker, i int) {
	mu.Lock()
	m[words[i&63]] = i
	if i%16 != 0 {
		mu.Unlock()
		return
	}
	snapshot := maps.Clone(m)
	mu.Unlock()
	for _, v := range snapshot {
		keep(v)
	}
	clear(snapshot)
}

func main() { tilt(4, step) }
