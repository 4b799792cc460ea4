// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Has a map and does not use it while anybody looks.
package main

import "time"

var m = map[string]int{}

func main() {
	println("ready")
	time.Sleep(time.Minute)
	m["late"]++
}
