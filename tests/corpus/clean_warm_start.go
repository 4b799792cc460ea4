// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same registry: whoever looks waits until it is filled.
package main

import "sync"

type registry struct {
	codecs map[string]int
	filled sync.WaitGroup
}

//go:noinline
func (r *registry) register(name string, codec int) { r.codecs[name] = codec }

//go:noinline
func (r *registry) find(name string) int {
	r.filled.Wait()
	return r.codecs[name]
}

func newRegistry() *registry {
	r := &registry{codecs: map[string]int{"raw": 1}}
	r.filled.Add(1)
	go func() {
		defer r.filled.Done()
		for i, name := range []string{"json", "xml", "yaml"} {
			r.register(name, 2+i)
		}
	}()
	return r
}

func start() {
	r := newRegistry()
	_ = r.find("raw")
	_ = r.find("json")
}

func main() { serve(func(int) { start() }) }
