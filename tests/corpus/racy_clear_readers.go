// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A cache of prices that is emptied when new ones come in: every entry is deleted (the compiler makes one call of it),
// while requests read.
package main

import "strconv"

type cache struct{ prices map[string]int }

//go:noinline
func (c *cache) price(article string) int { return c.prices[article] }

//go:noinline
func (c *cache) reload(turn int) {
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
