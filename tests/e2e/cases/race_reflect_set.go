// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// One side goes through reflection.
//
// EXPECT kind=read-write a=write:main.setter:@setter b=read:main.reader:@reader
package main

import "reflect"

var (
	m    = map[string]int{}
	view = reflect.ValueOf(m)
)

//go:noinline
func setter(i int) {
	view.SetMapIndex(reflect.ValueOf(words[i&63]), reflect.ValueOf(i)) // @setter
}

//go:noinline
func reader(i int) {
	keep(m[words[i&63]]) // @reader
}

func main() { lanes(setter, reader) }
