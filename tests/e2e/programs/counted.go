// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Knows how many operations it has done on its map: one goroutine does them, each by the same function.
//
//	counted [PAUSE]    between two operations, none at all
//
// At SIGUSR1 it stops and says "count N"; at SIGUSR2 it says "goes on", and does.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

var (
	m    = map[int]int{}
	lock sync.Mutex
	n    int
)

//go:noinline
func write(i int) {
	m[i&15] = i
}

func main() {
	for i := 0; i < 16; i++ {
		m[i] = i
	}
	pause := time.Duration(0)
	if len(os.Args) > 1 {
		pause, _ = time.ParseDuration(os.Args[1])
	}
	told := make(chan os.Signal, 4)
	signal.Notify(told, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for {
			if pause > 0 {
				time.Sleep(pause)
			}
			lock.Lock()
			write(n)
			n++
			lock.Unlock()
		}
	}()
	fmt.Println("ready")
	for {
		for <-told != syscall.SIGUSR1 {
		}
		lock.Lock()
		fmt.Println("count", n)
		for <-told != syscall.SIGUSR2 {
		}
		lock.Unlock()
		fmt.Println("goes on")
	}
}
