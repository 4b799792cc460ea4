// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A race that Go's own check meets now and then, in a program whose goroutines are asked to stop all the time: does it die the
// sooner for being watched? Two writers, each every 5 ms, 2.5 ms apart.
//
// usage: stops stw|gc|gomaxprocs|line SECONDS
//
//	stw         runtime.GC() every 10 ms
//	gc          garbage as fast as it goes; with GOGC=20 some hundred collections a second
//	gomaxprocs  runtime.GOMAXPROCS() every 3 ms
//	line        the same, and both write at one line
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

var (
	racy = map[string]int{}
	sink []byte
)

//go:noinline
func one(i int) { racy["a"] = i }

//go:noinline
func other(i int) { racy["b"] = i }

func main() {
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	if err != nil {
		panic(err)
	}
	writers := []func(int){one, other}
	if os.Args[1] == "line" {
		writers[1] = one
	}
	for k, write := range writers {
		go func(k int, write func(int)) {
			time.Sleep(time.Duration(k) * 2500 * time.Microsecond)
			for i := 0; ; i++ {
				write(i)
				time.Sleep(5 * time.Millisecond)
			}
		}(k, write)
	}
	go func() {
		for i := 1; ; i++ {
			switch os.Args[1] {
			case "stw":
				runtime.GC()
				time.Sleep(10 * time.Millisecond)
			case "gc":
				sink = make([]byte, 64<<10)
				time.Sleep(50 * time.Microsecond)
			case "gomaxprocs", "line":
				runtime.GOMAXPROCS(1 + i%64)
				time.Sleep(3 * time.Millisecond)
			}
		}
	}()
	fmt.Println("ready")
	time.Sleep(time.Duration(seconds * float64(time.Second)))
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	fmt.Println("ok", ms.NumGC, "collections")
}
