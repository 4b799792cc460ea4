// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Assigning with a pointer as the key is a function of its own (mapassign_fast64ptr), looking up is not.
//
// EXPECT kind=read-write a=write:main.writer:@writer b=read:main.reader:@reader
package main

type node struct{ name string }

var (
	nodes [64]*node
	m     = map[*node]int{}
)

//go:noinline
func writer(i int) {
	m[nodes[i&63]] = i // @writer
}

//go:noinline
func reader(i int) {
	keep(m[nodes[i&63]]) // @reader
}

func main() {
	for i := range nodes {
		nodes[i] = &node{words[i]}
	}
	lanes(writer, reader)
}
