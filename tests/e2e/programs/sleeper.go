// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A program for any Go version that uses a map now and then and ends when it is told to.
package main

import "time"

var m = map[string]int{}

func main() {
	println("ready")
	for {
		m["beat"]++
		time.Sleep(time.Millisecond)
	}
}
