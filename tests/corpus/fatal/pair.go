// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two goroutines write, each from a line of its own, and nothing orders them: who else it was is certain.
package main

import "time"

var m = map[int]int{}

//go:noinline
func first(i int) { m[i&63] = i }

//go:noinline
func second(i int) { m[64+i&63] = i }

func pause(d time.Duration) {
	for t := time.Now(); time.Since(t) < d; {
	}
}

func spawn_first() {
	go func() {
		for i := 0; ; i++ {
			first(i)
			pause(time.Duration(3+i%7) * time.Microsecond)
		}
	}()
}

func spawn_second() {
	go func() {
		for i := 0; ; i++ {
			second(i)
			pause(time.Duration(3+i%5) * time.Microsecond)
		}
	}()
}

func main() {
	spawn_first()
	time.Sleep(300 * time.Millisecond)
	spawn_second()
	time.Sleep(20 * time.Second)
}
