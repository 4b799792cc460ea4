// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Four goroutines with work to do under one lock, and a pause after it, as the handlers of a service have: somebody nearly
// always wants the lock within a millisecond, on a processor of its own.
package main

import (
	"runtime"
	"sync"
	"syscall"
	"time"
)

var (
	mu sync.Mutex
	m  = map[string]int{}
)

func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}

//go:noinline
func put(k string, v int) {
	mu.Lock()
	m[k] = v
	spin(20 * time.Microsecond)
	mu.Unlock()
}

//go:noinline
func get(k string) int {
	mu.Lock()
	defer mu.Unlock()
	spin(20 * time.Microsecond)
	return m[k]
}

func step(worker, i int) {
	k := words[i&255]
	if (worker+i)%2 == 0 {
		put(k, i)
	} else {
		keep(get(k))
	}
	pause := syscall.NsecToTimespec(int64(50000 + scramble(uint64(i)<<8|uint64(worker))%100000))
	_ = syscall.Nanosleep(&pause, nil)
}

func main() {
	crew(4, step)
	runtime.GOMAXPROCS(6)
	wait()
}
