// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Dies of Go's own check as soon as it is told to: at a file that appears, and so long after. Arguments: file, delay.
package main

import (
	"fmt"
	"os"
	"time"
	_ "unsafe"
)

var m = map[int]int{}

//go:linkname fatal runtime.fatal
func fatal(string)

//go:noinline
func put(i int) { m[i&15] = i }

func main() {
	delay, _ := time.ParseDuration(os.Args[2])
	go func() {
		for i := 0; ; i++ {
			put(i)
			time.Sleep(time.Millisecond)
		}
	}()
	fmt.Println("ready")
	for {
		if _, err := os.Stat(os.Args[1]); err == nil {
			break
		}
		time.Sleep(50 * time.Microsecond)
	}
	for begin := time.Now(); time.Since(begin) < delay; {
	}
	fatal("concurrent map writes")
}
