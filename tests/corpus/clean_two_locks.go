// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same index. The lock is the index's.
package main

import (
	"strconv"
	"sync"
)

type index struct {
	mu      sync.Mutex
	entries map[int]string
}

type service struct{ index *index }

//go:noinline
func (s *service) put(id int, text string) {
	s.index.mu.Lock()
	defer s.index.mu.Unlock()
	s.index.entries[id] = text
}

//go:noinline
func (s *service) get(id int) string {
	s.index.mu.Lock()
	defer s.index.mu.Unlock()
	return s.index.entries[id]
}

func main() {
	shared := &index{entries: map[int]string{}}
	writer, reader := &service{index: shared}, &service{index: shared}
	serve(
		func(turn int) { writer.put(turn%100, strconv.Itoa(turn)) },
		func(turn int) { reader.get(turn % 100) },
	)
}
