// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A value over 1024 bytes is looked up through the functions called _fat.
//
// EXPECT kind=read-write a=write:main.writer:@writer b=read:main.reader:@reader
package main

type page struct {
	body [2048]byte
	n    int
}

var m = map[int]page{}

//go:noinline
func writer(i int) {
	m[i&15] = page{n: i} // @writer
}

//go:noinline
func reader(i int) {
	keep(m[i&15].n) // @reader
}

func main() { lanes(writer, reader) }
