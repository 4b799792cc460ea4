// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The accesses are in small methods that the compiler puts into their callers; the report names the methods.
//
// EXPECT kind=read-write a=write:main.(*cache).put:@put b=read:main.(*cache).get:@get
package main

type cache struct{ entries map[string]int }

func (c *cache) put(k string, v int) {
	c.entries[k] = v // @put
}

func (c *cache) get(k string) int {
	return c.entries[k] // @get
}

var shared = &cache{map[string]int{}}

//go:noinline
func writer(i int) { shared.put(words[i&63], i) }

//go:noinline
func reader(i int) { keep(shared.get(words[i&63])) }

func main() { lanes(writer, reader) }
