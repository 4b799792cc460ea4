// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Operations under a Mutex that a deferred function unlocks, now and then by way of a panic that is recovered.
package main

import (
	"errors"
	"sync"
)

var (
	mu     sync.Mutex
	m      = map[string]int{}
	refuse = errors.New("refused")
)

//go:noinline
func put(k string, i int) {
	mu.Lock()
	defer mu.Unlock()
	m[k]++
	if i%8 == 0 {
		panic(refuse)
	}
}

//go:noinline
func try(k string, i int) {
	defer func() { recover() }()
	put(k, i)
}

func step(_, i int) { try(words[i&15], i) }

func main() {
	crew(4, step)
	wait()
}
