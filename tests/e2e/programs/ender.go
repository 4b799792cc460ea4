// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Ends in the way its arguments say: exit N, signal N, panic, ignore (not at all).
package main

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

var m = map[int]int{}

func main() {
	for i := 0; i < 1000; i++ {
		m[i&7] = i
	}
	println("ready")
	n := 0
	if len(os.Args) > 2 {
		n, _ = strconv.Atoi(os.Args[2])
	}
	switch os.Args[1] {
	case "exit":
		os.Exit(n)
	case "signal":
		_ = syscall.Kill(os.Getpid(), syscall.Signal(n))
		time.Sleep(time.Hour)
	case "ignore":
		signal.Ignore(syscall.SIGTERM)
		for i := 0; ; i++ {
			m[i&7] = i
			time.Sleep(time.Millisecond)
		}
	case "panic":
		panic("as told")
	}
}
