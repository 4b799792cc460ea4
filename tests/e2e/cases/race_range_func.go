// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A range over an iterator function: the loop's body is another function than the one that iterates the map.
//
// MIN-GO 1.23
// EXPECT kind=iterate-write a=write:main.writer:@writer b=iterate:main.walker:@walker
package main

import "maps"

var m = map[string]int{"one": 1, "two": 2, "three": 3}

//go:noinline
func writer(i int) {
	m["two"] = i // @writer
}

//go:noinline
func walker(int) {
	for k, v := range maps.All(m) { // @walker
		keep(len(k) + v)
	}
}

func main() { lanes(writer, walker) }
