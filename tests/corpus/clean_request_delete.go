// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same request, whose map has a lock.
package main

import "sync"

type request struct {
	mu      sync.Mutex
	pending map[int]string
}

//go:noinline
func (r *request) came(part int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pending, part)
}

//go:noinline
func (r *request) misses(part int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, missing := r.pending[part]
	return missing
}

func handle() {
	r := &request{pending: map[int]string{1: "user", 2: "cart", 3: "stock"}}
	var done sync.WaitGroup
	done.Add(2)
	go func() {
		defer done.Done()
		r.came(2)
	}()
	go func() {
		defer done.Done()
		_ = r.misses(3)
	}()
	done.Wait()
}

func main() { serve(func(int) { handle() }) }
