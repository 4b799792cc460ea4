// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Keys of eight bytes without pointers have functions of their own.
//
// EXPECT kind=read-write a=write:main.writer:@writer b=read:main.reader:@reader
// EXPECT kind=write-write a=write:main.writer:@writer b=delete:main.remover:@remover
// EXPECT kind=read-write a=delete:main.remover:@remover b=read:main.reader:@reader
package main

type point struct{ x, y int32 }

var m = map[point]int{{-1, -1}: 1}

//go:noinline
func writer(i int) {
	m[point{int32(i & 63), 1}] = i // @writer
}

//go:noinline
func reader(i int) {
	keep(m[point{int32(i & 63), 1}]) // @reader
}

//go:noinline
func remover(i int) {
	delete(m, point{int32(i & 63), 1}) // @remover
}

func main() { lanes(writer, reader, remover) }
