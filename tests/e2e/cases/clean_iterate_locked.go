// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Iterations that change the map on the way, all under the lock, while the map grows and shrinks.
package main

import "sync"

var (
	mu sync.Mutex
	m  = map[int]int{}
)

func step(worker, i int) {
	mu.Lock()
	defer mu.Unlock()
	m[i&4095] = i
	if i%128 != 0 {
		return
	}
	for k := range m {
		if k&1 == worker&1 {
			delete(m, k)
		} else {
			m[k+5000] = i
			delete(m, k+5000)
		}
	}
	if i%1024 == 0 {
		for k := range m {
			delete(m, k)
		}
	}
}

func main() { tilt(4, step) }
