// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Writing under RLock keeps writers apart from Lock only.
//
// EXPECT kind=write-write a=write:main.touch:@touch b=write:main.bump:@bump
// ALLOW kind=write-write a=write:main.touch:@touch b=write:main.touch:@touch
package main

import "sync"

var (
	mu sync.RWMutex
	m  = map[string]int{}
)

//go:noinline
func touch(i int) {
	mu.RLock()
	m[words[i&63]] = i // @touch
	mu.RUnlock()
}

//go:noinline
func bump(i int) {
	mu.RLock()
	m[words[i&31]]++ // @bump
	mu.RUnlock()
}

func main() { lanes(touch, bump) }
