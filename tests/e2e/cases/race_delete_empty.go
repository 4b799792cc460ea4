// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// One goroutine deletes, another looks up, and the map is empty all the time: from Go 1.24 on the
// runtime's delete returns before it calls the map's own.
//
// EXPECT kind=read-write a=delete:main.remover:@remover b=read:main.reader:@reader
package main

var m = map[string]int{}

//go:noinline
func remover(i int) {
	delete(m, words[i%256]) // @remover
}

//go:noinline
func reader(i int) {
	keep(m[words[i%256]]) // @reader
}

func main() {
	lanes(remover, reader)
}
