// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Regions are loaded when they are first asked for. Who finds one there does not take the lock.
package main

import (
	"strconv"
	"sync"
)

type atlas struct {
	mu      sync.Mutex
	regions map[int]string
}

//go:noinline
func (a *atlas) region(id int) string {
	if text, ok := a.regions[id]; ok {
		return text
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if text, ok := a.regions[id]; ok {
		return text
	}
	a.regions[id] = "region " + strconv.Itoa(id)
	return a.regions[id]
}

func main() {
	a := &atlas{regions: map[int]string{}}
	serve(
		func(turn int) { a.region(turn) },
		func(turn int) { a.region(turn % 10) },
	)
}
