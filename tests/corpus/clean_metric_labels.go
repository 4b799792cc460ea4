// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same counters in a sync.Map.
package main

import (
	"strconv"
	"sync"
	"sync/atomic"
)

type vector struct{ children sync.Map }

//go:noinline
func (v *vector) with(label string) *int64 {
	if child, ok := v.children.Load(label); ok {
		return child.(*int64)
	}
	child, _ := v.children.LoadOrStore(label, new(int64))
	return child.(*int64)
}

func main() {
	requests := &vector{}
	serve(
		func(turn int) { atomic.AddInt64(requests.with("status="+strconv.Itoa(turn%5)), 1) },
		func(turn int) { atomic.AddInt64(requests.with("user="+strconv.Itoa(turn%5000)), 1) },
	)
}
