// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Phases: many read, all are waited for, one writes, many are started again.
package main

import "sync"

var m = map[int]int{}

func step(_, i int) {
	var group sync.WaitGroup
	for r := 0; r < 3; r++ {
		r := r
		group.Add(1)
		go func() {
			defer group.Done()
			for j := 0; j < 20; j++ {
				keep(m[r*20+j])
			}
		}()
	}
	group.Wait()
	for j := 0; j < 20; j++ {
		m[(i+j)&127] = i
	}
}

func main() { tilt(1, step) }
