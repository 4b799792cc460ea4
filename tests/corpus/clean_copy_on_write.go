// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Routes behind an atomic.Value: who changes them makes a new map, and readers keep the one that they have.
package main

import (
	"strconv"
	"sync"
	"sync/atomic"
)

type routes struct {
	mu      sync.Mutex // writers among themselves
	current atomic.Value
}

//go:noinline
func (r *routes) add(path string, target int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.current.Load().(map[string]int)
	next := make(map[string]int, len(old)+1)
	for key, value := range old {
		next[key] = value
	}
	next[path] = target
	r.current.Store(next)
}

//go:noinline
func (r *routes) find(path string) int { return r.current.Load().(map[string]int)[path] }

func main() {
	r := &routes{}
	r.current.Store(map[string]int{})
	serve(
		func(turn int) { r.add("/"+strconv.Itoa(turn%50), turn) },
		func(turn int) { r.add("/"+strconv.Itoa(turn%40), turn) },
		func(turn int) { r.find("/" + strconv.Itoa(turn%50)) },
	)
}
