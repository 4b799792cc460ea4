// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Cloning reads the whole map.
//
// MIN-GO 1.21
// EXPECT kind=iterate-write a=write:main.writer:@writer b=iterate:main.cloner:@cloner
package main

import "maps"

var m = map[string]int{"one": 1, "two": 2, "three": 3}

//go:noinline
func writer(i int) {
	m["two"] = i // @writer
}

//go:noinline
func cloner(int) {
	keep(len(maps.Clone(m))) // @cloner
}

func main() { lanes(writer, cloner) }
