// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A goroutine has tried to use the map with a key that cannot be hashed, and its deferred function waits ever since: its stack has the
// map function in it, but it never comes back there. Two others write without order, until Go's own check is the end.
package main

import (
	"fmt"
	"time"
)

var m = map[interface{}]int{}

//go:noinline
func stuck() {
	defer waits()
	m[[]int{1}] = 1
}

//go:noinline
func waits() { time.Sleep(time.Hour) }

//go:noinline
func first(i int) { m[i&1023] = i }

//go:noinline
func second(i int) { m[i&1023] = i }

func main() {
	for i := 0; i < 1024; i++ {
		m[i] = i
	}
	go stuck()
	fmt.Println("ready")
	time.Sleep(2 * time.Second)
	go func() {
		for i := 0; ; i++ {
			first(i)
		}
	}()
	for i := 0; ; i++ {
		second(i)
	}
}
