// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A library iterates: the frame in this file is the call of the library.
//
// EXPECT kind=iterate-write a=write:main.writer:@writer b=iterate:main.marshaller:@marshaller
// ALLOW kind=read-write a=write:main.writer:@writer b=read:main.marshaller:@marshaller
package main

import "encoding/json"

var m = map[string]int{"one": 1, "two": 2, "three": 3}

//go:noinline
func writer(i int) {
	m["two"] = i // @writer
}

//go:noinline
func marshaller(int) {
	text, _ := json.Marshal(m) // @marshaller
	keep(len(text))
}

func main() { lanes(writer, marshaller) }
