// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A channel of one place as a lock.
package main

var (
	place = make(chan struct{}, 1)
	m     = map[string]int{}
)

func step(worker, i int) {
	place <- struct{}{}
	m[words[i&63]]++
	if len(m) > 40 {
		for k := range m {
			delete(m, k)
		}
	}
	<-place
}

func main() { tilt(4, step) }
