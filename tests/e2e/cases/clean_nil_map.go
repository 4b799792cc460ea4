// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Looking up in, deleting from, clearing and ranging over a nil map are allowed, everywhere and at once: there is no
// map to share. An empty key set is no address.
//
// UNSEEN 1.19
package main

var m map[string]int

//go:noinline
func none() map[string]int { return m }

func step(worker, i int) {
	keep(none()[words[i&63]])
	delete(none(), words[i&63])
	for k := range none() {
		delete(none(), k)
	}
	for k := range none() {
		keep(len(k))
	}
}

func main() { tilt(4, step) }
