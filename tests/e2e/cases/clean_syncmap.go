// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// sync.Map reads its built-in map without a lock (up to Go 1.23) and writes another one.
//
// UNSEEN 1.24
package main

import "sync"

var m sync.Map

func step(worker, i int) {
	switch k := i & 255; {
	case i%8 == 0:
		m.Store(k, i)
	case i%32 == 1:
		m.Delete(k)
	case i%512 == 2:
		m.Range(func(k, v interface{}) bool { return true })
	case i%4 == 3:
		v, _ := m.LoadOrStore(k, i)
		keep(v.(int))
	default:
		if v, ok := m.Load(k); ok {
			keep(v.(int))
		}
	}
}

func main() { tilt(4, step) }
