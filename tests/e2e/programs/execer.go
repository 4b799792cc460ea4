// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Uses a map; on SIGUSR2 becomes the program given by its arguments; with "fork" as first argument starts children all the time,
// with "hot" does nothing but use the map; with "again" becomes itself, with the same arguments.
package main

import (
	"os"
	"os/exec"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	m    = map[int]int{}
	done atomic.Int64
)

func children() {
	for {
		if exec.Command(os.Args[2], os.Args[3:]...).Run() != nil {
			println("a child failed")
			os.Exit(1)
		}
		done.Add(1)
	}
}

func main() {
	change := make(chan os.Signal, 1)
	signal.Notify(change, syscall.SIGUSR2, syscall.SIGTERM)
	if os.Args[1] == "fork" {
		go children()
		go children()
	}
	become, rest := os.Args[1:], 100*time.Microsecond
	if os.Args[1] == "hot" {
		become, rest = os.Args[2:], 0
	}
	if os.Args[1] == "again" {
		become = os.Args
	}
	println("ready")
	for i := 0; ; i++ {
		select {
		case s := <-change:
			if s == syscall.SIGTERM {
				println("ok", done.Load()+int64(i), "operations")
				println("children", done.Load())
				os.Exit(0)
			}
			panic(syscall.Exec(become[0], become, os.Environ()))
		default:
			m[i&63] = i
			if rest > 0 {
				time.Sleep(rest)
			}
		}
	}
}
