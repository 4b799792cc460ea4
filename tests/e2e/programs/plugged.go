// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// CGO

// A plugin whose two goroutines write to a map without a lock.
package main

import "time"

var shared = map[string]int{}

//go:noinline
func one(i int) { shared["a"] = i }

//go:noinline
func other(i int) { shared["b"] = i }

func every(pause, first time.Duration, do func(int)) {
	time.Sleep(first)
	for i := 0; ; i++ {
		do(i)
		time.Sleep(pause)
	}
}

func Start() {
	go every(4*time.Millisecond, 0, one)
	go every(4*time.Millisecond, 2*time.Millisecond, other)
}

func main() {}
