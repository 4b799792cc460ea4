// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// alice and bob write with the mutex: they are ordered. rogue writes without it.
// WRONG alice|bob
package main

import (
	"sync"
	"time"
)

var (
	mu sync.Mutex
	m  = map[int]int{}
)

//go:noinline
func alice(i int) {
	mu.Lock()
	m[i&63] = i
	mu.Unlock()
}

//go:noinline
func bob(i int) {
	mu.Lock()
	m[64+i&63] = i
	mu.Unlock()
}

//go:noinline
func rogue(i int) { m[128+i&63] = i }

func pause(d time.Duration) {
	for t := time.Now(); time.Since(t) < d; {
	}
}

func loop(f func(int)) {
	for i := 0; ; i++ {
		f(i)
		pause(2 * time.Microsecond)
	}
}

func spawn_alice() { go loop(alice) }
func spawn_bob()   { go loop(bob) }
func spawn_rogue() { go loop(rogue) }

func main() {
	spawn_alice()
	spawn_bob()
	time.Sleep(300 * time.Millisecond)
	spawn_rogue()
	time.Sleep(20 * time.Second)
}
