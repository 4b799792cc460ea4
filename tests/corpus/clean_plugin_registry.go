// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same registry. The plugin fills a map that nobody knows yet, which is then put in the place of the old one.
//
// CGO
// PLUGIN handlers
package main

import (
	"os"
	"plugin"
	"sync"
)

var (
	mu       sync.RWMutex
	registry map[string]func() string
)

//go:noinline
func request(name string) string {
	mu.RLock()
	handlers := registry
	mu.RUnlock()
	if handler := handlers[name]; handler != nil {
		return handler()
	}
	return "not found"
}

func load() func(map[string]func() string, int) {
	p, err := plugin.Open(os.Getenv("CORPUS_PLUGIN"))
	if err != nil {
		panic(err)
	}
	register, err := p.Lookup("Register")
	if err != nil {
		panic(err)
	}
	return register.(func(map[string]func() string, int))
}

func main() {
	register := load()
	serve(
		func(turn int) {
			next := map[string]func() string{}
			register(next, turn)
			mu.Lock()
			registry = next
			mu.Unlock()
		},
		func(int) { request("version") },
	)
}
