// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Filled before the goroutines start, then only read: look-ups and iterations meet all the time.
package main

var m = map[string]int{}

func step(worker, i int) {
	keep(m[words[i&255]])
	if _, ok := m["missing"]; ok {
		panic("found")
	}
	if i%256 == worker {
		for _, v := range m {
			keep(v)
		}
	}
}

func main() {
	for i, w := range words {
		m[w] = i
	}
	tilt(4, step)
}
