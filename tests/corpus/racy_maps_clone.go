// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A snapshot for each report is made with maps.Clone, to be safe from writers; but the cloning itself is not.
//
// MIN-GO 1.21
package main

import (
	"maps"
	"strconv"
	"sync"
)

type stock struct {
	mu    sync.Mutex
	items map[string]int
}

//go:noinline
func (s *stock) add(item string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[item]++
}

//go:noinline
func (s *stock) snapshot() map[string]int {
	return maps.Clone(s.items)
}

func main() {
	s := &stock{items: map[string]int{}}
	serve(
		func(turn int) { s.add("item " + strconv.Itoa(turn%300)) },
		func(int) { s.snapshot() },
	)
}
