// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same atlas: all regions are loaded once, with sync.Once, and never changed.
package main

import (
	"strconv"
	"sync"
)

type atlas struct {
	once    sync.Once
	regions map[int]string
}

//go:noinline
func (a *atlas) region(id int) string {
	a.once.Do(func() {
		a.regions = map[int]string{}
		for i := 0; i < 1000; i++ {
			a.regions[i] = "region " + strconv.Itoa(i)
		}
	})
	return a.regions[id]
}

func main() {
	a := &atlas{}
	serve(
		func(turn int) { a.region(turn % 1000) },
		func(turn int) { a.region(turn % 10) },
	)
}
