// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// On SIGUSR1 two goroutines use a map without order, milliseconds apart, through a function that is inlined; it ends after four seconds.
// tests/e2e/lifecycle.sh writes another one over it, with every "alpha" an "omega": all lies where it lay.
package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

type alphaKey struct{ a, b int }

var alphaMap = map[alphaKey]int{}

func alphaPut(n int) { alphaMap[alphaKey{n, n}] = n }

func alphaGet(n int) int { return alphaMap[alphaKey{n, n}] }

func main() {
	start := make(chan os.Signal, 1)
	signal.Notify(start, syscall.SIGUSR1)
	alphaPut(1)
	println("ready")
	<-start
	go func() {
		for {
			alphaPut(1)
			time.Sleep(1700 * time.Microsecond)
		}
	}()
	for end, n := time.Now().Add(4*time.Second), 0; time.Now().Before(end); n += alphaGet(1) {
		time.Sleep(2300 * time.Microsecond)
	}
}
