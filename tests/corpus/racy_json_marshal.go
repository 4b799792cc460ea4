// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A status page. The worker counts under its lock; the page marshals the very map, without.
package main

import (
	"encoding/json"
	"sync"
)

type status struct {
	mu     sync.Mutex
	counts map[string]int
}

//go:noinline
func (s *status) count(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[name]++
}

//go:noinline
func (s *status) page() ([]byte, error) {
	return json.Marshal(s.counts)
}

func main() {
	s := &status{counts: map[string]int{"jobs": 0, "errors": 0, "retries": 0}}
	names := []string{"jobs", "errors", "retries"}
	serve(
		func(turn int) { s.count(names[turn%len(names)]) },
		func(int) { s.page() },
	)
}
