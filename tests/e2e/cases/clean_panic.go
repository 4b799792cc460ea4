// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Operations that never return: an unhashable key panics inside the map function, and the lock is passed on.
package main

import "sync"

var (
	mu sync.Mutex
	m  = map[interface{}]int{}
)

func try(k interface{}, i int) {
	mu.Lock()
	defer mu.Unlock()
	defer func() { _ = recover() }()
	m[k] = i
}

func step(worker, i int) {
	if i%4 == 0 {
		try([]int{i}, i)
	}
	try(i&63, i)
}

func main() { tilt(4, step) }
