// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// One of many processes of one program: all do the same to a map that lies at the same address in each, under a lock, but
// for one that is sent SIGUSR1: from then on it takes none.
//
//	many [PAUSE]    between the operations of a goroutine, 5ms
package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	m    = map[int]int{}
	lock sync.Mutex
	racy atomic.Bool
	sum  int
)

//go:noinline
func write(i int) {
	m[i&15] = i
}

//go:noinline
func read(i int) {
	sum += m[i&15]
}

func every(pause time.Duration, step func(int)) {
	for i := 0; ; i++ {
		time.Sleep(pause)
		if racy.Load() {
			step(i)
			continue
		}
		lock.Lock()
		step(i)
		lock.Unlock()
	}
}

func main() {
	for i := 0; i < 16; i++ {
		m[i] = i
	}
	pause := 5 * time.Millisecond
	if len(os.Args) > 1 {
		pause, _ = time.ParseDuration(os.Args[1])
	}
	go every(pause, write)
	go every(pause+pause/50, read)
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGUSR1)
	fmt.Println("ready")
	for <-told == syscall.SIGUSR1 {
		racy.Store(true)
	}
}
