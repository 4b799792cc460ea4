// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// keeperV and keeperW write under a mutex, each about once in a millisecond. At SIGUSR1 rogue writes once, without it, with a
// key that takes about half a second of CPU time to hash and as long to compare (then the writing flag is set). Made for a
// process that gets a small part of the time only: cpulimit(1), a container's CPU quota. See halting.sh.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"
)

type key [64]string

var (
	mu sync.Mutex
	m  = map[key]int{}
)

func big(megabytes int) (k key) {
	text := strings.Repeat("x", megabytes<<20)
	for i := range k {
		k[i] = text
	}
	return
}

//go:noinline
func lockedV(i int) {
	mu.Lock()
	m[key{"v"}] = i
	mu.Unlock()
}

//go:noinline
func lockedW(i int) {
	mu.Lock()
	m[key{"w"}] = i
	mu.Unlock()
}

func keeperV() {
	for i := 0; ; i++ {
		lockedV(i)
		time.Sleep(time.Millisecond)
	}
}

func keeperW() {
	for i := 0; ; i++ {
		lockedW(i)
		time.Sleep(time.Millisecond)
	}
}

func rogue(k *key) {
	m[*k] = 1
}

func main() {
	debug.SetGCPercent(-1)
	first, second := big(64), big(64)
	m[first] = 0
	begin := time.Now()
	_ = m[second]
	fmt.Println("hash and comparison take", time.Since(begin))
	go keeperV()
	go keeperW()
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	fmt.Println("ready", os.Getpid())
	<-c
	go rogue(&second)
	time.Sleep(60 * time.Second)
}
