// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same crawler. The report goes through a copy made under the lock.
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
	c.mu.Lock()
	seen := make(map[string]int, len(c.seen))
	for page, n := range c.seen {
		seen[page] = n
	}
	c.mu.Unlock()
	for _, n := range seen {
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
