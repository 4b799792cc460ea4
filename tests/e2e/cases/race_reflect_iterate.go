// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The iteration goes through reflection, as that of encoding/json and fmt does.
//
// EXPECT kind=iterate-write a=write:main.writer:@writer b=iterate:main.walker:@walker
// ALLOW kind=iterate-write a=write:main.writer:@writer b=iterate:main.walker:@start
package main

import "reflect"

var (
	m    = map[string]int{"one": 1, "two": 2, "three": 3}
	view = reflect.ValueOf(m)
)

//go:noinline
func writer(i int) {
	m["two"] = i // @writer
}

//go:noinline
func walker(int) {
	it := view.MapRange() // @start
	for it.Next() {       // @walker
		keep(int(it.Value().Int()))
	}
}

func main() { lanes(writer, walker) }
