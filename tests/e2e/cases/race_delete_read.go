// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// One goroutine deletes, another looks up; the map never becomes empty.
//
// EXPECT kind=read-write a=delete:main.remover:@remover b=read:main.reader:@reader
package main

var m = map[string]int{}

//go:noinline
func remover(i int) {
	delete(m, words[i%255]) // @remover
}

//go:noinline
func reader(i int) {
	keep(m[words[255]]) // @reader
}

func main() {
	for i, w := range words {
		m[w] = i
	}
	lanes(remover, reader)
}
