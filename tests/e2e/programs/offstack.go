// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Goroutines use maps on their own stacks; where one of those was, another map lies in the heap later, which two goroutines use
// without a lock.
//
//	offstack [SECONDS]
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
	"unsafe"
)

func addr(m map[int]int) uintptr { return *(*uintptr)(unsafe.Pointer(&m)) }

var (
	mu    sync.Mutex
	stack = map[uintptr]bool{}
)

//go:noinline
func grow(n int) int {
	var pad [1024]byte
	if n == 0 {
		return int(pad[3])
	}
	return grow(n-1) + int(pad[n&1023])
}

// Frames of two sizes, so that the maps lie at many different places in their stacks.

//go:noinline
func deep(n, k int) {
	if n > 0 {
		deep(n-1, k)
		return
	}
	wide(k, k, k)
}

//go:noinline
func wide(n, p, q int) int {
	if n > 0 {
		return wide(n-1, q, p) + p
	}
	local()
	return p + q
}

//go:noinline
func local() {
	m := map[int]int{}
	for i := 0; i < 300; i++ {
		m[i&7] = i
		time.Sleep(time.Millisecond)
	}
	a := addr(m)
	mu.Lock()
	stack[a] = true
	mu.Unlock()
}

//go:noinline
func writer(m map[int]int) { m[1] = 2 }

//go:noinline
func reader(m map[int]int) int { return m[1] }

var keep []map[int]int

func heapMap() map[int]int {
	for i := 0; i < 4000000; i++ {
		m := make(map[int]int)
		keep = append(keep, m)
		if stack[addr(m)] && i > 100 {
			return m
		}
	}
	return nil
}

func main() {
	seconds := 3
	if len(os.Args) > 1 {
		seconds, _ = strconv.Atoi(os.Args[1])
	}
	debug.SetGCPercent(-1)
	var wg sync.WaitGroup
	for g := 0; g < 60; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			grow(60)
			deep(g%7, g/7%9)
		}(g)
	}
	wg.Wait()
	for i := 0; i < 4; i++ {
		runtime.GC()
	}
	time.Sleep(100 * time.Millisecond)
	m := heapMap()
	keep = nil
	if m == nil {
		os.Exit(3)
	}
	m[1] = 1
	fmt.Printf("ready %#x\n", addr(m))
	use := func(f func()) {
		for {
			f()
			time.Sleep(time.Millisecond)
		}
	}
	go use(func() { writer(m) })
	go use(func() { reader(m) })
	time.Sleep(time.Duration(seconds) * time.Second)
}
