// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A counter of page views, with a lock beside its map. Its methods have value receivers: each call
// copies the struct, the lock as well, but the map in the copy is the same one. Nobody ever waits
// for anybody.
package main

import (
	"fmt"
	"sync"
)

type views struct {
	mu     sync.Mutex
	byPage map[string]int
}

//go:noinline
func (v views) hit(page string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.byPage[page]++
}

//go:noinline
func (v views) of(page string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.byPage[page]
}

func main() {
	v := views{byPage: map[string]int{}}
	pages := make([]string, 50)
	for i := range pages {
		pages[i] = fmt.Sprintf("/page/%d", i)
	}
	serve(
		func(turn int) { v.hit(pages[turn%len(pages)]) },
		func(turn int) { v.of(pages[turn*7%len(pages)]) },
	)
}
