// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A queue of work in a map, with a condition variable: workers sleep and wake inside the lock.
package main

import (
	"sync"
	"time"
)

var (
	mu    sync.Mutex
	ready = sync.NewCond(&mu)
	jobs  = map[int]int{}
)

func step(worker, i int) {
	mu.Lock()
	defer mu.Unlock()
	switch {
	case stopping.Load():
		ready.Broadcast()
	case worker == 0 && len(jobs) < 100:
		for j := 0; j < 10; j++ {
			jobs[i*10+j] = i
		}
		ready.Broadcast()
	case worker != 0 && len(jobs) == 0:
		ready.Wait()
	case worker != 0:
		for k := range jobs {
			delete(jobs, k)
			break
		}
	}
}

// The last one to stop wakes those that wait.
func main() {
	crew(3, step)
	go func() {
		for !stopping.Load() {
			time.Sleep(time.Millisecond)
		}
		mu.Lock()
		ready.Broadcast()
		mu.Unlock()
	}()
	wait()
}
