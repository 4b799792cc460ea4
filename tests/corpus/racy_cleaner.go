// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A session store whose handlers lock, and whose cleaner looks through all of it for the old ones before
// it takes the lock to delete them.
package main

import (
	"fmt"
	"sync"
	"time"
)

type store struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

//go:noinline
func (s *store) touch(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[id] = time.Now()
}

//go:noinline
func (s *store) clean(age time.Duration) {
	var old []string
	for id, at := range s.seen {
		if time.Since(at) > age {
			old = append(old, id)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range old {
		delete(s.seen, id)
	}
}

func main() {
	s := &store{seen: map[string]time.Time{}}
	serve(
		func(turn int) { s.touch(fmt.Sprintf("session-%d", turn%100)) },
		func(turn int) { s.touch(fmt.Sprintf("session-%d", turn*3%100)) },
		func(int) { s.clean(50 * time.Millisecond) },
	)
}
