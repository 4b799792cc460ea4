// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// One goroutine assigns, another looks up.
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
	keep(m[words[i&63]]) // @reader
}

func main() { lanes(writer, reader) }
