// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Counters by label. A counter is found by a read of the cache without a lock; only who misses takes it to add one.
package main

import (
	"strconv"
	"sync"
	"sync/atomic"
)

type vector struct {
	mu       sync.Mutex
	children map[string]*int64
}

//go:noinline
func (v *vector) with(label string) *int64 {
	if child := v.children[label]; child != nil {
		return child
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	child := new(int64)
	v.children[label] = child
	return child
}

func main() {
	requests := &vector{children: map[string]*int64{}}
	serve(
		func(turn int) { atomic.AddInt64(requests.with("status="+strconv.Itoa(turn%5)), 1) },
		func(turn int) { atomic.AddInt64(requests.with("user="+strconv.Itoa(turn%5000)), 1) },
	)
}
