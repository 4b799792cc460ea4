// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Float keys take the generic functions.
//
// EXPECT kind=write-write a=write:main.first:@first b=write:main.second:@second
package main

var m = map[float64]int{}

//go:noinline
func first(i int) {
	m[float64(i&63)/2] = i // @first
}

//go:noinline
func second(i int) {
	m[float64(i&63)/4] = i // @second
}

func main() { lanes(first, second) }
