// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Keys of four bytes have functions of their own.
//
// EXPECT kind=read-write a=write:main.writer:@writer b=read:main.reader:@reader
package main

var m = map[uint32]string{}

//go:noinline
func writer(i int) {
	m[uint32(i&63)] = words[i&7] // @writer
}

//go:noinline
func reader(i int) {
	keep(len(m[uint32(i&63)])) // @reader
}

func main() { lanes(writer, reader) }
