// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Interface keys take the generic functions, which call a hash function of the key's type.
//
// EXPECT kind=read-write a=write:main.writer:@writer b=read:main.reader:@reader
package main

var (
	m    = map[interface{}]int{}
	keys [64]interface{}
)

//go:noinline
func writer(i int) {
	m[keys[i&63]] = i // @writer
}

//go:noinline
func reader(i int) {
	keep(m[keys[i&63]]) // @reader
}

func main() {
	for i := range keys {
		keys[i] = words[i]
		if i&1 == 0 {
			keys[i] = i
		}
	}
	lanes(writer, reader)
}
