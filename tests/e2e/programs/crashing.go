// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// crashing WAY: a program that comes to its end in one of the ways that there are, after half a second with 20 goroutines beside it.
// What is recovered from ends nothing: it ends with status 3 then.
package main

import (
	"errors"
	"os"
	"sync"
	"time"
)

type coded struct{ code int }

// secretive panics itself when it is to be printed: the runtime's words then end in what it says.
type secretive struct{}

func (secretive) Error() string { panic("secret 4711") }

var (
	numbers []int
	pointer *coded
	shared  = map[int]int{}
	nothing map[string]int
	zero    int
)

func recursive(n int) int {
	var frame [1024]byte
	frame[n%1024] = byte(n)
	return recursive(n+1) + int(frame[n%512])
}

func recovered(f func()) {
	defer func() { recover() }()
	f()
}

var ways = map[string]func(){
	"index":    func() { numbers[zero+5]++ },
	"nil":      func() { pointer.code++ },
	"divide":   func() { zero = 1 / zero },
	"nilmap":   func() { nothing["a"] = 1 },
	"closed":   func() { c := make(chan int); close(c); c <- 1 },
	"string":   func() { panic("secret 4711") },
	"error":    func() { panic(errors.New("secret 4711")) },
	"value":    func() { panic(coded{4711}) },
	"printing": func() { panic(secretive{}) },
	"again":    func() { defer func() { panic(recover()) }(); panic("secret 4711") },
	"unlock":   func() { var mu sync.Mutex; mu.Unlock() },
	"overflow": func() { zero = recursive(0) },
	"recovers": func() {
		for i := 0; i < 100; i++ {
			recovered(func() { numbers[zero+5]++ })
			recovered(func() { panic("secret 4711") })
		}
	},
}

func beside(done chan bool) {
	<-done
}

func main() {
	done := make(chan bool)
	for i := 0; i < 20; i++ {
		go beside(done)
	}
	for i := 0; i < 100; i++ {
		shared[i]++
		time.Sleep(5 * time.Millisecond)
	}
	crash := func() { ways[os.Args[1]]() }
	if len(os.Args) > 2 { // on a goroutine of its own
		go crash()
		time.Sleep(10 * time.Second)
	}
	crash()
	os.Exit(3)
}
