// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two goroutines use a map without a lock for a second; then it is dead, and a map of another type that comes to lie in its
// place is used under a lock.
//
//	reborn [SECONDS]
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
	"unsafe"
)

func addr[K comparable, V any](m map[K]V) uintptr { return *(*uintptr)(unsafe.Pointer(&m)) }

//go:noinline
func writer(m map[int]int) { m[1] = 2 }

//go:noinline
func reader(m map[int]int) int { return m[1] }

//go:noinline
func racy(d time.Duration) uintptr {
	m := map[int]int{}
	for i := 0; i < 8; i++ {
		m[i] = i
	}
	var wg sync.WaitGroup
	end := time.Now().Add(d)
	use := func(f func()) {
		defer wg.Done()
		for time.Now().Before(end) {
			f()
			time.Sleep(time.Millisecond)
		}
	}
	wg.Add(2)
	go use(func() { writer(m) })
	go use(func() { reader(m) })
	wg.Wait()
	return addr(m)
}

type registry struct {
	mu sync.Mutex
	m  map[string]string
}

//go:noinline
func (r *registry) put() {
	r.mu.Lock()
	r.m["k"] = "v"
	r.mu.Unlock()
}

var keep []map[string]string

func main() {
	seconds := 3
	if len(os.Args) > 1 {
		seconds, _ = strconv.Atoi(os.Args[1])
	}
	r := &registry{}
	for try := 0; try < 5 && r.m == nil; try++ {
		dead := racy(time.Second)
		runtime.GC()
		runtime.GC()
		for i := 0; i < 1000000 && r.m == nil; i++ {
			m := make(map[string]string)
			keep = append(keep, m)
			if addr(m) == dead {
				r.m = m
			}
		}
		keep = nil
	}
	if r.m == nil {
		os.Exit(3)
	}
	fmt.Printf("ready %#x\n", addr(r.m))
	for g := 0; g < 4; g++ {
		go func() {
			for {
				r.put()
				time.Sleep(300 * time.Microsecond)
			}
		}()
	}
	time.Sleep(time.Duration(seconds) * time.Second)
}
