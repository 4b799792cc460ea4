// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Filled by whoever comes first, through sync.Once; read by everybody after that.
package main

import (
	"sync"
	"sync/atomic"
)

type table struct {
	once sync.Once
	m    map[string]int
}

func (t *table) get(k string) int {
	t.once.Do(func() {
		t.m = map[string]int{}
		for i, w := range words[:32] {
			t.m[w] = i
		}
	})
	return t.m[k]
}

var current atomic.Value

func step(worker, i int) {
	if worker == 0 && i%100 == 0 {
		current.Store(new(table))
	}
	t := current.Load().(*table)
	if v := t.get(words[i&31]); v != i&31 {
		panic("not filled")
	}
}

func main() {
	current.Store(new(table))
	tilt(4, step)
}
