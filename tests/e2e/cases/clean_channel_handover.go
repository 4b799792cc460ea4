// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Whoever holds the map uses it alone and passes it on through a channel.
package main

var baton = make(chan map[int]int, 3)

func step(worker, i int) {
	m := <-baton
	m[i&255] += worker
	for k := range m {
		keep(k)
		break
	}
	if len(m) > 200 {
		for k := range m {
			delete(m, k)
		}
	}
	baton <- m
}

func main() {
	for i := 0; i < 3; i++ {
		baton <- map[int]int{}
	}
	tilt(4, step)
}
