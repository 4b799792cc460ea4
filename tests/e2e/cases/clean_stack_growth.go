// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Map functions are entered with hardly any stack left, so that their prologue runs twice: once to grow the stack,
// once again. Each goroutine does it with a map of its own and with one under the lock.
package main

import "sync"

var (
	mu     sync.Mutex
	shared = map[string]int{}
)

//go:noinline
func sink(depth int, own map[int]int, i int) {
	var room [10]int
	if depth > 0 {
		sink(depth-1, own, i)
		room[depth%10] = i
		keep(room[i%10])
		return
	}
	own[i&63] = i
	keep(own[i&31])
	mu.Lock()
	shared[words[i&63]] = i
	delete(shared, words[(i+9)&63])
	mu.Unlock()
}

func step(worker, i int) {
	done := make(chan struct{})
	go func() {
		sink(i%60, map[int]int{}, i)
		close(done)
	}()
	<-done
}

func main() { tilt(4, step) }
