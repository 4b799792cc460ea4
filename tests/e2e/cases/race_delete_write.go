// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// One goroutine deletes, another assigns.
//
// EXPECT kind=write-write a=delete:main.remover:@remover b=write:main.writer:@writer
package main

var m = map[string]int{"stays": 1}

//go:noinline
func remover(i int) {
	delete(m, words[i&63]) // @remover
}

//go:noinline
func writer(i int) {
	m[words[i&63]] = i // @writer
}

func main() { lanes(remover, writer) }
