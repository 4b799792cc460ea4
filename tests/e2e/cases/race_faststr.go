// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// String keys have functions of their own. Two maps: assigning against a two-value look-up, and against deleting.
//
// EXPECT kind=read-write a=write:main.one:@write-a b=read:main.two:@read-a
// EXPECT kind=write-write a=delete:main.one:@delete-b b=write:main.two:@write-b
package main

var a, b = map[string][]int{}, map[string][]int{"stays": nil}

//go:noinline
func one(i int) {
	a[words[i&63]] = append(a[words[i&31]][:0:0], i) // @write-a
	delete(b, words[i&63])                           // @delete-b
}

//go:noinline
func two(i int) {
	if v, ok := a[words[i&63]]; ok { // @read-a
		keep(len(v))
	}
	b[words[i&63]] = nil // @write-b
}

func main() { lanes(one, two) }
