// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Maps of one type that a goroutine writes to and another one reads for a moment, and maps of another type in a global table, which
// come to lie where those lay: the collector never rests. No variable holds the racy ones.
package main

import (
	"runtime"
	"time"
)

var Table [2048]map[int]string

func main() {
	go func() {
		for {
			runtime.GC()
		}
	}()
	go func() {
		for i := 0; ; i++ {
			Table[i%len(Table)] = map[int]string{i: "x", i + 1: "y"}
			if i%64 == 0 {
				time.Sleep(50 * time.Microsecond)
			}
		}
	}()
	for {
		m := map[int]int{1: 1, 2: 2}
		done := make(chan int)
		go func() {
			m[1] = 2
			done <- 1
		}()
		_ = m[2]
		<-done
	}
}
