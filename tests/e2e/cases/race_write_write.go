// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two goroutines assign to one map.
//
// EXPECT kind=write-write a=write:main.first:@first b=write:main.second:@second
package main

var m = map[string]int{}

//go:noinline
func first(i int) {
	m[words[i&63]] = i // @first
}

//go:noinline
func second(i int) {
	m[words[i&31]]++ // @second
}

func main() { lanes(first, second) }
