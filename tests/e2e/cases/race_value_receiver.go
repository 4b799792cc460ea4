// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Methods with a value receiver copy the lock, not the map.
//
// EXPECT kind=write-write a=write:main.counters.add:@add b=delete:main.counters.drop:@drop
package main

import "sync"

type counters struct {
	mu sync.Mutex
	m  map[string]int
}

//go:noinline
func (c counters) add(k string) {
	c.mu.Lock()
	c.m[k]++ // @add
	c.mu.Unlock()
}

//go:noinline
func (c counters) drop(k string) {
	c.mu.Lock()
	delete(c.m, k) // @drop
	c.mu.Unlock()
}

var hits = counters{m: map[string]int{"stays": 1}}

func main() {
	lanes(func(i int) { hits.add(words[i&63]) }, func(i int) { hits.drop(words[i&63]) })
}
