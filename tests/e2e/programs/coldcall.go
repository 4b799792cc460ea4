// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two goroutines use maps of their own all the time, so that the probes of the functions for that are away most of the time. From two
// other places, which use the same functions, two goroutines use a map of theirs at the same moment, without order, a few times a
// second; not before the third second.
//
//	coldcall SECONDS RATE [ordered]    so many times a second; ordered: one after the other
package main

import (
	"os"
	"strconv"
	"time"
)

var names = [...]string{"a", "b", "c", "d", "e", "f", "g", "h"}

var sum int

func busy() {
	own, n := map[string]int{}, 0
	for began := time.Now(); time.Since(began) < time.Millisecond/2; n++ {
		own[names[n&7]] = own[names[(n+1)&7]] + 1
	}
	sum = n
}

func hot() {
	for {
		busy()
		time.Sleep(time.Millisecond)
	}
}

//go:noinline
func store(m map[string]int, done chan<- bool) {
	m["a"] = 1
	done <- true
}

//go:noinline
func load(m map[string]int) int { return m["b"] }

func main() {
	seconds, _ := strconv.Atoi(os.Args[1])
	rate, _ := strconv.Atoi(os.Args[2])
	println("ready")
	go hot()
	go hot()
	time.Sleep(3 * time.Second)
	for i := 0; i < seconds*rate; i++ {
		m, done := map[string]int{"b": 1}, make(chan bool, 1)
		go store(m, done)
		if len(os.Args) > 3 {
			<-done
			done <- true
		}
		load(m)
		<-done
		time.Sleep(time.Second / time.Duration(rate))
	}
	println("ok", sum)
}
