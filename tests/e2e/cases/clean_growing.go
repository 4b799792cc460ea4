// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two maps that are filled in turns, by a goroutine that lives on and by one for each request, while another has a slow
// iteration open, all under one lock: they grow again and again, all of them pay, and the iteration meets the growths. When
// they are full all of it begins anew.
package main

import (
	"sync"
	"time"
)

const entries = 6000

type shelf struct {
	mu            sync.Mutex
	values, names map[int]int
	next          int
	generation    int
}

var stock = &shelf{values: map[int]int{}, names: map[int]int{}}

//go:noinline
func (s *shelf) put(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < n; i++ {
		if s.next == entries {
			s.values, s.names, s.next = map[int]int{}, map[int]int{}, 0
			s.generation++
		}
		s.values[s.next*7] = i
		s.names[s.next*3] = i
		s.next++
	}
}

// walk has one iteration open for as long as the map is filled, or another one takes its place; between its steps it leaves
// the map to the others.
//
//go:noinline
func (s *shelf) walk() {
	s.mu.Lock()
	generation := s.generation
	for range s.values {
		if stopping.Load() || s.generation != generation {
			break
		}
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
		s.mu.Lock()
	}
	s.mu.Unlock()
}

func step(worker, i int) {
	switch worker {
	case 0:
		stock.walk()
	case 1:
		stock.put(16)
	default:
		done := make(chan bool)
		go func() {
			stock.put(16)
			close(done)
		}()
		<-done
	}
	time.Sleep(3 * time.Millisecond)
}

func main() { tilt(3, step) }
