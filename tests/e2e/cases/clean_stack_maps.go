// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Maps that do not escape live on their goroutine's stack: stacks move when they grow and are reused by others.
package main

import "sync"

//go:noinline
func local(n int) int {
	m := map[int]int{}
	for j := 0; j < 6; j++ {
		m[j] = n
	}
	sum := deep(n&31) - n&31
	for k, v := range m {
		sum += k + v
	}
	delete(m, 3)
	return sum + len(m)
}

//go:noinline
func deep(n int) int {
	var room [128]int
	room[n] = n
	if n == 0 {
		return 0
	}
	return deep(n-1) + room[n] - n + 1
}

func step(worker, i int) {
	var group sync.WaitGroup
	for j := 0; j < 4; j++ {
		j := j
		group.Add(1)
		go func() {
			defer group.Done()
			keep(local(i + j))
		}()
	}
	group.Wait()
}

func main() { tilt(2, step) }
