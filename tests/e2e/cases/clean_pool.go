// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Maps lent by a sync.Pool, given back empty and not used any more after that.
package main

import "sync"

var pool = sync.Pool{New: func() interface{} { return map[string]int{} }}

func step(worker, i int) {
	m := pool.Get().(map[string]int)
	if len(m) != 0 {
		panic("not given back empty")
	}
	for j := 0; j < 5; j++ {
		m[words[(i+j)&255]] = worker
	}
	for k := range m {
		delete(m, k)
	}
	pool.Put(m)
}

func main() { tilt(4, step) }
