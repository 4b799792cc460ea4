// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Uses a map; on SIGUSR2 its first thread becomes the program given by its arguments: to the kernel it is the same task then, which
// it is not when another thread does.
package main

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

var m = map[int]int{}

func init() {
	runtime.LockOSThread()
}

func main() {
	change := make(chan os.Signal, 1)
	signal.Notify(change, syscall.SIGUSR2)
	println("ready")
	for i := 0; ; i++ {
		select {
		case <-change:
			panic(syscall.Exec(os.Args[1], os.Args[1:], os.Environ()))
		default:
			m[i&63] = i
			time.Sleep(100 * time.Microsecond)
		}
	}
}
