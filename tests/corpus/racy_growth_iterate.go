// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A crawler remembers the pages it has seen, and forgets all of them when they are many: the map grows all the time. The
// report goes through it meanwhile, without the lock.
package main

import (
	"strconv"
	"sync"
)

type crawler struct {
	mu   sync.Mutex
	seen map[string]int
}

//go:noinline
func (c *crawler) visit(page string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.seen) > 4000 {
		c.seen = map[string]int{}
	}
	c.seen[page]++
}

//go:noinline
func (c *crawler) report() (visits int) {
	for _, n := range c.seen {
		visits += n
	}
	return visits
}

func main() {
	c := &crawler{seen: map[string]int{}}
	serve(
		func(turn int) { c.visit("/page/" + strconv.Itoa(turn)) },
		func(int) { c.report() },
	)
}
