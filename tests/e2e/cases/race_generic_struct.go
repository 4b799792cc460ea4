// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Keys of several words take the generic functions. Three maps: assigning against looking up, deleting and iterating.
//
// EXPECT kind=read-write a=write:main.one:@write-a b=read:main.two:@read-a
// EXPECT kind=write-write a=delete:main.one:@delete-b b=write:main.two:@write-b
// EXPECT kind=iterate-write a=write:main.one:@write-c b=iterate:main.two:@walk-c
package main

type place struct {
	host string
	port int
}

var a, b, c = map[place]int{}, map[place]int{{"stays", 1}: 1}, map[place]int{}

//go:noinline
func one(i int) {
	k := place{words[i&7], i & 7}
	a[k] = i     // @write-a
	delete(b, k) // @delete-b
	c[k] = i     // @write-c
}

//go:noinline
func two(i int) {
	k := place{words[i&7], i & 7}
	keep(a[k])            // @read-a
	b[k] = i              // @write-b
	for p, v := range c { // @walk-c
		keep(p.port + v)
	}
}

func main() { lanes(one, two) }
