// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Request-scoped maps, thousands of them a second, made in one goroutine and used up in another: the collector gives the
// same address out again and again, each time to another pair.
package main

import (
	"runtime"
	"strconv"
)

var work = make(chan map[string]int, 4)

//go:noinline
func produce(turn int) {
	for i := 0; i < 20; i++ {
		m := make(map[string]int)
		m["turn"] = turn
		m["key "+strconv.Itoa(i)] = i
		work <- m
	}
	if turn%50 == 0 {
		runtime.GC()
	}
}

//go:noinline
func consume() {
	for m := range work {
		m["done"] = len(m)
		delete(m, "turn")
	}
}

func main() {
	for i := 0; i < 3; i++ {
		go consume()
	}
	serve(produce, produce)
}
