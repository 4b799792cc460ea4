// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The first look is taken before the lock. The writes are in order among themselves.
//
// EXPECT kind=read-write a=write:main.lookup:@store b=read:main.lookup:@look
// NEVER kind=write-write
package main

import "sync"

var (
	mu sync.Mutex
	m  = map[int]int{}
)

//go:noinline
func lookup(i int) {
	if v, ok := m[i]; ok { // @look
		keep(v)
		return
	}
	mu.Lock()
	m[i&1023] = i // @store
	mu.Unlock()
}

func main() { lanes(lookup, lookup) }
