// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Goroutines that leak, come and go, or stay; and what the program itself says of them each second.
// usage: vital MODE SECONDS
//
//	leak   100 goroutines a second that wait for ever
//	mixed  a server's work, of which one in fifty leaks
//	churn  1000 a second that live for 20 ms
//	pool   1000 that are made at once, 2 s after the beginning, and stay
//	filled 100 a second for 8 s, which stay
//	client 100 connections a second, and a goroutine for each that waits for something else
//	still  300 that wait
package main

import (
	"encoding/json"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"
)

var never = make(chan int)

//go:noinline
func wait() { <-never }

//go:noinline
func leak(n int) {
	for i := 0; i < n; i++ {
		go wait()
	}
}

//go:noinline
func work(i int, of int) {
	go func() {
		time.Sleep(20 * time.Millisecond)
		if of > 0 && i%of == 0 {
			<-never
		}
	}()
}

var clients []net.Conn

//go:noinline
func connect(l net.Listener) {
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		panic(err)
	}
	clients = append(clients, c)
}

func serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			var b [1]byte
			go wait() // what it has to say to the client
			c.Read(b[:])
		}()
	}
}

var sink [][]byte

// each tenth of a second
func step(mode string, i int, l net.Listener) {
	switch mode {
	case "leak":
		leak(10)
	case "mixed":
		for k := 0; k < 100; k++ {
			work(i*100+k, 50)
		}
	case "churn":
		for k := 0; k < 100; k++ {
			work(k, 0)
		}
	case "pool":
		if i == 20 {
			leak(1000)
		}
	case "filled":
		if i < 80 {
			leak(10)
		}
	case "client":
		for k := 0; k < 10; k++ {
			connect(l)
		}
	case "still":
		if i == 0 {
			leak(300)
		}
	}
	sink = append(sink, make([]byte, 200000))
	if len(sink) > 100 {
		sink = nil
	}
}

func tell() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	json.NewEncoder(os.Stdout).Encode(map[string]uint64{
		"goroutines": uint64(runtime.NumGoroutine()),
		"cycles":     uint64(m.NumGC),
		"forced":     uint64(m.NumForcedGC),
		"pause":      m.PauseTotalNs,
		"goal":       m.NextGC,
		"heap":       m.HeapAlloc,
		"procs":      uint64(runtime.GOMAXPROCS(0)),
		"unix":       m.LastGC,
	})
}

func main() {
	seconds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go serve(l)
	tick := time.NewTicker(100 * time.Millisecond)
	for i := 0; i < 10*seconds; i++ {
		<-tick.C
		step(os.Args[1], i, l)
		if i%10 == 9 {
			tell()
		}
	}
	// it stands still, as it is, until somebody ends it
	runtime.GC()
	time.Sleep(100 * time.Millisecond)
	tell()
	time.Sleep(time.Minute)
}
