// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Goroutines in known states at known lines, for tests/e2e/snapshot.sh: a mark (`// @name` at the end of a line) is where
// one stands. Says "ready" once all of them stand there, and at SIGTERM how many calls that wait in the kernel were ended
// for no reason.
//
//	standing [MORE]      and MORE goroutines that receive
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	never = make(chan int)
	mutex sync.Mutex
	spins uint64
	piped [2]int
	ended int64
)

//go:noinline
func receiving() {
	<-never // @receive
}

//go:noinline
func sending(c chan int) {
	c <- 1 // @send
}

//go:noinline
func selecting(a, b chan int) {
	select { // @select
	case <-a:
	case b <- 1:
	}
}

//go:noinline
func locking() {
	mutex.Lock() // @lock
}

//go:noinline
func sleeping() {
	time.Sleep(time.Hour) // @sleep
}

//go:noinline
func inSyscall() {
	var b [1]byte
	syscall.Read(piped[0], b[:]) // @syscall
}

// What the runtime's own poller would not tell of.
//
//go:noinline
func polling() {
	fd, err := syscall.EpollCreate1(0)
	if err != nil {
		panic(err)
	}
	events := make([]syscall.EpollEvent, 1)
	for {
		if _, err := syscall.EpollWait(fd, events, -1); err != nil { // @poll
			atomic.AddInt64(&ended, 1)
		}
	}
}

//go:noinline
func waitingIO(c net.Conn) {
	var b [1]byte
	c.Read(b[:]) // @io
}

// A frameless leaf, and an inlined function around it.
//
//go:noinline
func leaf(n uint64) uint64 {
	for i := uint64(0); i < 1000; i++ {
		n ^= n << 7
		n ^= n >> 9
	}
	return n
}

func around(n uint64) uint64 {
	return leaf(n) + 1 // @inlined
}

//go:noinline
func spinning() {
	n := uint64(1)
	for {
		n = around(n) // @spin
		atomic.StoreUint64(&spins, n)
	}
}

//go:noinline
func deep(n int) {
	if n > 0 {
		deep(n - 1) // @deep
		return
	}
	<-never // @bottom
}

func stands(f func()) {
	go f() // @made
}

// The kernel gives SIGTERM to the first thread, which is main's alone: it would end the call of one that polls there.
func init() {
	runtime.LockOSThread()
}

func main() {
	mutex.Lock()
	if err := syscall.Pipe(piped[:]); err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		panic(err)
	}
	for i := 0; i < 7; i++ {
		stands(receiving)
	}
	stands(func() { sending(make(chan int)) })
	stands(func() { selecting(make(chan int), make(chan int)) })
	stands(locking)
	stands(sleeping)
	stands(inSyscall)
	stands(func() { waitingIO(conn) })
	stands(func() { deep(40) })
	if len(os.Args) > 1 {
		more, _ := strconv.Atoi(os.Args[1])
		for i := 0; i < more; i++ {
			stands(receiving)
		}
	}
	stands(polling)
	stands(spinning)
	for atomic.LoadUint64(&spins) == 0 {
		runtime.Gosched()
	}
	time.Sleep(100 * time.Millisecond)
	fmt.Println("ready")
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	for len(end) == 0 {
		time.Sleep(10 * time.Millisecond) // @main
	}
	fmt.Printf("ended for no reason: %d\n", atomic.LoadInt64(&ended))
	runtime.KeepAlive(listener)
}
