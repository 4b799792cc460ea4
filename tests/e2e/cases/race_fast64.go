// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Keys of eight bytes without pointers have functions of their own. Two maps: assigning against looking up, and against
// deleting.
//
// EXPECT kind=read-write a=write:main.one:@write-a b=read:main.two:@read-a
// EXPECT kind=write-write a=delete:main.one:@delete-b b=write:main.two:@write-b
package main

type point struct{ x, y int32 }

var a, b = map[point]int{}, map[point]int{{-1, -1}: 1}

//go:noinline
func one(i int) {
	a[point{int32(i & 63), 1}] = i     // @write-a
	delete(b, point{int32(i & 63), 1}) // @delete-b
}

//go:noinline
func two(i int) {
	keep(a[point{int32(i & 63), 1}]) // @read-a
	b[point{int32(i & 63), 1}] = i   // @write-b
}

func main() { lanes(one, two) }
