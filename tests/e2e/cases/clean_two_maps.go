// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two maps, one lock: operations on the two alternate, and nobody is alone with a map for long.
package main

import "sync"

var (
	mu          sync.Mutex
	left, right = map[int]int{}, map[int]int{}
)

func step(worker, i int) {
	mu.Lock()
	from, to := left, right
	if i&1 == worker&1 {
		from, to = right, left
	}
	for k, v := range from {
		to[k] = v
		delete(from, k)
		break
	}
	to[i&63] = i
	mu.Unlock()
}

func main() { tilt(4, step) }
