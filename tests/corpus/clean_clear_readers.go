// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same cache. Both take the lock.
package main

import (
	"strconv"
	"sync"
)

type cache struct {
	mu     sync.Mutex
	prices map[string]int
}

//go:noinline
func (c *cache) price(article string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.prices[article]
}

//go:noinline
func (c *cache) reload(turn int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for article := range c.prices {
		delete(c.prices, article)
	}
	c.prices["bread"] = turn
}

func main() {
	c := &cache{prices: map[string]int{}}
	for i := 0; i < 1000; i++ {
		c.prices["article "+strconv.Itoa(i)] = i
	}
	serve(
		func(turn int) { c.price("article " + strconv.Itoa(turn%1000)) },
		c.reload,
	)
}
