// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same counter with pointer receivers: one struct, one lock.
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
func (v *views) hit(page string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.byPage[page]++
}

//go:noinline
func (v *views) of(page string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.byPage[page]
}

func main() {
	v := &views{byPage: map[string]int{}}
	pages := make([]string, 50)
	for i := range pages {
		pages[i] = fmt.Sprintf("/page/%d", i)
	}
	serve(
		func(turn int) { v.hit(pages[turn%len(pages)]) },
		func(turn int) { v.of(pages[turn*7%len(pages)]) },
	)
}
