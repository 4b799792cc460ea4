// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A registry of handlers that a plugin (-buildmode=plugin) fills, when it is loaded and again whenever its configuration
// has changed, while requests look handlers up.
//
// CGO
// PLUGIN handlers
package main

import (
	"os"
	"plugin"
)

var registry = map[string]func() string{}

//go:noinline
func request(name string) string {
	if handler := registry[name]; handler != nil {
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
		func(turn int) { register(registry, turn) },
		func(int) { request("version") },
	)
}
