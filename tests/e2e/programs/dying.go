// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A service with many goroutines that dies of `concurrent map writes`, sooner or later: two of them write to one map without order. Of a
// map with large keys: they are compared inside, so that the other one is inside for long.
// usage: dying [GOROUTINES [MILLISECONDS [large]]]: those before the second one begins
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

type large [1 << 20]byte

var (
	m    = map[int]int{}
	l    = map[large]int{}
	keys [2]large
)

//go:noinline
func first(i int) { m[i&1023] = i }

//go:noinline
func second(i int) { m[1024+i&1023] = i }

//go:noinline
func firstLarge(i int) { l[keys[0]] = i }

//go:noinline
func secondLarge(i int) { l[keys[1]] = i }

//go:noinline
func handler(requests chan int) { <-requests }

func pause(d time.Duration) {
	for t := time.Now(); time.Since(t) < d; {
	}
}

func writes(write func(int), pauses int) {
	for i := 0; ; i++ {
		write(i)
		pause(time.Duration(20+i%pauses) * time.Microsecond)
	}
}

func main() {
	n, delay, one, other := 10000, 700, first, second
	if len(os.Args) > 1 {
		n, _ = strconv.Atoi(os.Args[1])
	}
	if len(os.Args) > 2 {
		delay, _ = strconv.Atoi(os.Args[2])
	}
	if len(os.Args) > 3 {
		keys[1][0] = 1
		one, other = firstLarge, secondLarge
	}
	requests := make(chan int)
	for i := 0; i < n; i++ {
		go handler(requests)
	}
	go writes(one, 7)
	fmt.Println("ready")
	time.Sleep(time.Duration(delay) * time.Millisecond)
	go writes(other, 5)
	time.Sleep(20 * time.Second)
}
