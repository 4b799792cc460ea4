// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The built-in clear, on a map whose keys are not equal to themselves (a loop of deletes would miss them).
//
// MIN-GO 1.21
// EXPECT kind=write-write a=clear:main.clearer:@clearer b=write:main.writer:@writer
package main

import "math"

var m = map[float64]int{}

//go:noinline
func clearer(int) {
	clear(m) // @clearer
}

//go:noinline
func writer(i int) {
	m[math.NaN()] = i // @writer
}

func main() { lanes(clearer, writer) }
