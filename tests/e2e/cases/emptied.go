// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// As clean_contended, with a map that becomes empty again and again, and collections: each time it gets another seed.
// Not among the cases that run.sh runs, which have real-time priority: verdicts.sh watches it.
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
func take(k string) int {
	mu.Lock()
	defer mu.Unlock()
	v := m[k]
	delete(m, k)
	spin(20 * time.Microsecond)
	return v
}

func step(worker, i int) {
	k := words[worker]
	if i%2 == 0 {
		put(k, i)
	} else {
		keep(take(k))
	}
	if worker == 0 && i%512 == 0 {
		runtime.GC()
	}
	pause := syscall.NsecToTimespec(int64(50000 + scramble(uint64(i)<<8|uint64(worker))%100000))
	_ = syscall.Nanosleep(&pause, nil)
}

func main() {
	crew(4, step)
	runtime.GOMAXPROCS(6)
	wait()
}
