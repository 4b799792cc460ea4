// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A map that two goroutines fill in turns while a third has a slow iteration open, all under one lock: it grows again and
// again, both pay, and the iteration meets every growth. When it is full all of it begins anew.
package main

import (
	"sync"
	"time"
)

const entries = 6000

type shelf struct {
	mu     sync.Mutex
	values map[int]int
	next   int
}

var stock = &shelf{values: map[int]int{}}

//go:noinline
func (s *shelf) put(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < n; i++ {
		if s.next == entries {
			s.values, s.next = map[int]int{}, 0
		}
		s.values[s.next*7] = i
		s.next++
	}
}

// walk has one iteration open for as long as the map is filled; between its steps it leaves the map to the others.
//
//go:noinline
func (s *shelf) walk() {
	s.mu.Lock()
	for range s.values {
		if stopping.Load() {
			break
		}
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
		s.mu.Lock()
	}
	s.mu.Unlock()
}

func step(worker, i int) {
	if worker == 0 {
		stock.walk()
	} else {
		stock.put(16)
	}
	time.Sleep(time.Millisecond)
}

func main() { tilt(3, step) }
