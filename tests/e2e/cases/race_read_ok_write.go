// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The two-value look-up is another function of the runtime than the one-value one.
//
// EXPECT kind=read-write a=write:main.writer:@writer b=read:main.reader:@reader
package main

var m = map[string]int{}

//go:noinline
func writer(i int) {
	m[words[i&63]] = i // @writer
}

//go:noinline
func reader(i int) {
	if v, ok := m[words[i&63]]; ok { // @reader
		keep(v)
	}
}

func main() { lanes(writer, reader) }
