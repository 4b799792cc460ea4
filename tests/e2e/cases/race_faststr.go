// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// String keys have functions of their own; here with the three operations and a two-value look-up.
//
// EXPECT kind=read-write a=write:main.writer:@writer b=read:main.reader:@reader
// EXPECT kind=write-write a=write:main.writer:@writer b=delete:main.remover:@remover
// EXPECT kind=read-write a=delete:main.remover:@remover b=read:main.reader:@reader
package main

var m = map[string][]int{"stays": nil}

//go:noinline
func writer(i int) {
	m[words[i&63]] = []int{i} // @writer
}

//go:noinline
func reader(i int) {
	if v, ok := m[words[i&63]]; ok { // @reader
		keep(len(v))
	}
}

//go:noinline
func remover(i int) {
	delete(m, words[i&63]) // @remover
}

func main() { lanes(writer, reader, remover) }
