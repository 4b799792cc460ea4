// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Readers and iterators under RLock beside each other, writers under Lock.
package main

import "sync"

var (
	mu sync.RWMutex
	m  = map[string]int{}
)

func step(worker, i int) {
	switch {
	case i%16 == worker:
		mu.Lock()
		m[words[i&127]] = i
		delete(m, words[(i+64)&127])
		mu.Unlock()
	case i%64 == 20:
		mu.RLock()
		sum := 0
		for _, v := range m {
			sum += v
		}
		keep(sum)
		mu.RUnlock()
	default:
		mu.RLock()
		keep(m[words[i&127]])
		mu.RUnlock()
	}
}

func main() { tilt(4, step) }
