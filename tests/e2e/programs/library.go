// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// CGO

// A library for programs that are not Go: Start(1) races on a map, Start(0) does the same with a lock.
package main

import "C"

import (
	"sync"
	"time"
)

var (
	shared = map[string]int{}
	mu     sync.Mutex
)

//go:noinline
func one(i int) { shared["a"] = i }

//go:noinline
func other(i int) { shared["b"] = i }

func locked(write func(int)) func(int) {
	return func(i int) {
		mu.Lock()
		defer mu.Unlock()
		write(i)
	}
}

func every(pause, first time.Duration, do func(int)) {
	time.Sleep(first)
	for i := 0; ; i++ {
		do(i)
		time.Sleep(pause)
	}
}

//export Start
func Start(racy C.int) {
	a, b := one, other
	if racy == 0 {
		a, b = locked(one), locked(other)
	}
	go every(4*time.Millisecond, 0, a)
	go every(4*time.Millisecond, 2*time.Millisecond, b)
}

func main() {}
