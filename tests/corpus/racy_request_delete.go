// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Each request has a map of what it still waits for. One of its goroutines takes out what has come, the
// other looks what is missing.
package main

import "sync"

type request struct {
	pending map[int]string
}

//go:noinline
func (r *request) came(part int) { delete(r.pending, part) }

//go:noinline
func (r *request) misses(part int) bool {
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
