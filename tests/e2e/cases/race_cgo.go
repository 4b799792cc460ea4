// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Linked by the system's linker, with a C library; the map is used from both sides of calls into C.
//
// CGO
// EXPECT kind=read-write a=write:main.writer:@writer b=read:main.fromC:@reader
package main

/*
#include <stdint.h>
static int64_t twice(int64_t v) { return 2 * v; }
*/
import "C"

var m = map[int64]int{}

//go:noinline
func writer(i int) {
	m[int64(C.twice(C.int64_t(i&63)))] = i // @writer
}

//go:noinline
func fromC(i int) {
	k := int64(C.twice(C.int64_t(i & 63)))
	keep(m[k]) // @reader
}

func main() { lanes(writer, fromC) }
