// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A map that is used now and then, in a C program: built with -buildmode=c-archive, into remap.c.
package main

import "C"

import "time"

var m = map[string]int{}

//go:noinline
func beat(i int) { m["beat"] = i }

//export Start
func Start() {
	go func() {
		for i := 0; ; i++ {
			beat(i)
			time.Sleep(2 * time.Millisecond)
		}
	}()
}

func main() {}
