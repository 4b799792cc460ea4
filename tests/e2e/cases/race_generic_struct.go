// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Keys of several words take the generic functions, in all four operations.
//
// EXPECT kind=read-write a=write:main.writer:@writer b=read:main.reader:@reader
// EXPECT kind=write-write a=write:main.writer:@writer b=delete:main.remover:@remover
// EXPECT kind=iterate-write a=write:main.writer:@writer b=iterate:main.walker:@walker
// ALLOW kind=read-write a=delete:main.remover:@remover b=read:main.reader:@reader
// ALLOW kind=iterate-write a=delete:main.remover:@remover b=iterate:main.walker:@walker
package main

type place struct {
	host string
	port int
}

var m = map[place]int{{"stays", 1}: 1}

//go:noinline
func writer(i int) {
	m[place{words[i&7], i & 7}] = i // @writer
}

//go:noinline
func reader(i int) {
	keep(m[place{words[i&7], i & 7}]) // @reader
}

//go:noinline
func remover(i int) {
	delete(m, place{words[i&7], i & 7}) // @remover
}

//go:noinline
func walker(int) {
	for p, v := range m { // @walker
		keep(p.port + v)
	}
}

func main() { lanes(writer, reader, remover, walker) }
