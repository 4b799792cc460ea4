// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two goroutines hold a lock, but not the same one.
//
// EXPECT kind=iterate-write a=write:main.put:@put b=iterate:main.sweep:@sweep
// ALLOW kind=write-write a=write:main.put:@put b=delete:main.sweep:@delete
package main

import "sync"

var (
	mine, yours sync.Mutex
	m           = map[string]int{"stays": 1}
)

//go:noinline
func put(i int) {
	mine.Lock()
	m[words[i&15]] = i // @put
	mine.Unlock()
}

//go:noinline
func sweep(i int) {
	yours.Lock()
	for k, v := range m { // @sweep
		if v&7 == 0 {
			delete(m, k) // @delete
		}
	}
	yours.Unlock()
}

func main() { lanes(put, sweep) }
