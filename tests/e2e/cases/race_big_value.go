// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A value over 128 bytes takes the generic functions, whatever the key is.
//
// EXPECT kind=read-write a=write:main.writer:@writer b=read:main.reader:@reader
package main

type record struct {
	body [160]byte
	n    int
}

var m = map[string]record{}

//go:noinline
func writer(i int) {
	m[words[i&63]] = record{n: i} // @writer
}

//go:noinline
func reader(i int) {
	keep(m[words[i&63]].n) // @reader
}

func main() { lanes(writer, reader) }
