// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// becoming PROGRAM: two goroutines use a map without order for most of a second, milliseconds apart; then its process runs PROGRAM.
package main

import (
	"os"
	"syscall"
	"time"
)

var m = map[string]int{"a": 1}

func write() {
	for {
		m["a"] = 2
		time.Sleep(time.Millisecond)
	}
}

func main() {
	go write()
	end := time.Now().Add(900 * time.Millisecond)
	for n := 0; time.Now().Before(end); n += m["a"] {
		time.Sleep(time.Millisecond)
	}
	panic(syscall.Exec(os.Args[1], os.Args[1:2], os.Environ()))
}
