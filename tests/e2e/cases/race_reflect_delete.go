// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Both sides go through reflection, one deletes, one looks up.
//
// EXPECT kind=read-write a=delete:main.remover:@remover b=read:main.reader:@reader
package main

import "reflect"

var (
	m    = map[int]int{}
	view = reflect.ValueOf(m)
)

//go:noinline
func remover(i int) {
	view.SetMapIndex(reflect.ValueOf(i&1023), reflect.Value{}) // @remover
}

//go:noinline
func reader(i int) {
	if v := view.MapIndex(reflect.ValueOf(5000)); v.IsValid() { // @reader
		keep(int(v.Int()))
	}
}

func main() {
	for i := 0; i < 1024; i++ {
		m[i] = i
	}
	m[5000] = 1
	lanes(remover, reader)
}
