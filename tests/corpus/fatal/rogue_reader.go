// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// reader, walker and writer use the mutex: they are ordered. rogue reads without it.
// WRONG reader|writer walker|writer
package main

import (
	"sync"
	"time"
)

var (
	mu   sync.RWMutex
	m    = map[int]int{}
	sink [3]int
)

//go:noinline
func reader(i int) {
	mu.RLock()
	sink[0] += m[i&63]
	mu.RUnlock()
}

//go:noinline
func walker(i int) {
	mu.RLock()
	for k := range m {
		sink[1] += k
	}
	mu.RUnlock()
}

//go:noinline
func writer(i int) {
	mu.Lock()
	m[i&63] = i
	mu.Unlock()
}

//go:noinline
func rogue(i int) { sink[2] += m[i&63] }

func pause(d time.Duration) {
	for t := time.Now(); time.Since(t) < d; {
	}
}

func loop(f func(int)) {
	for i := 0; ; i++ {
		f(i)
		pause(3 * time.Microsecond)
	}
}

func spawn_reader() { go loop(reader) }
func spawn_walker() { go loop(walker) }
func spawn_writer() { go loop(writer) }
func spawn_rogue()  { go loop(rogue) }

func main() {
	spawn_reader()
	spawn_walker()
	spawn_writer()
	time.Sleep(300 * time.Millisecond)
	spawn_rogue()
	time.Sleep(20 * time.Second)
}
