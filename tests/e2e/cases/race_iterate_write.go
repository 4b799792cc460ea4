// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// One goroutine ranges over the map, another assigns.
//
// EXPECT kind=iterate-write a=write:main.writer:@writer b=iterate:main.walker:@walker
package main

var m = map[int]int{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6}

//go:noinline
func writer(i int) {
	m[i%7] = i // @writer
}

//go:noinline
func walker(i int) {
	sum := 0
	for k, v := range m { // @walker
		sum += k + v
	}
	keep(sum)
}

func main() { lanes(writer, walker) }
