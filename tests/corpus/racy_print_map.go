// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A debug line prints the table of connections that another goroutine changes.
package main

import (
	"fmt"
	"io"
	"strconv"
	"sync"
)

type server struct {
	mu    sync.Mutex
	conns map[string]int
}

//go:noinline
func (s *server) opened(name string) {
	s.mu.Lock()
	s.conns[name]++
	s.mu.Unlock()
}

//go:noinline
func (s *server) debug() {
	fmt.Fprintln(io.Discard, "connections:", s.conns)
}

func main() {
	s := &server{conns: map[string]int{}}
	serve(
		func(turn int) { s.opened("10.0.0." + strconv.Itoa(turn%100)) },
		func(int) { s.debug() },
	)
}
