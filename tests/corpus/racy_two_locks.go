// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// An index that two services share. Each takes a lock, but each its own.
package main

import (
	"strconv"
	"sync"
)

type index struct{ entries map[int]string }

type service struct {
	mu    sync.Mutex
	index *index
}

//go:noinline
func (s *service) put(id int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index.entries[id] = text
}

//go:noinline
func (s *service) get(id int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
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
