// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The compiler turns a loop that deletes every key into one clear.
//
// EXPECT kind=write-write a=clear:main.clearer:@clearer b=write:main.writer:@writer
package main

var m = map[string]int{}

//go:noinline
func clearer(int) {
	for k := range m { // @clearer
		delete(m, k)
	}
}

//go:noinline
func writer(i int) {
	m[words[i&63]] = i // @writer
}

func main() { lanes(clearer, writer) }
