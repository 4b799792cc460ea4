// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A map that one lock orders. One write faults at its key, inside the map function, and recovers: the map's writing flag stays set, and
// whoever comes next, under the lock, is ended by Go's own check, although nobody is inside.
package main

import (
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

var (
	mu sync.Mutex
	m  = map[string]int{}
)

//go:noinline
func faulty(key string) {
	mu.Lock()
	defer mu.Unlock()
	defer func() { _ = recover() }()
	debug.SetPanicOnFault(true)
	m[key] = 1
}

//go:noinline
func write(i int) {
	mu.Lock()
	m["fixed"] = i
	mu.Unlock()
}

//go:noinline
func read() int {
	mu.Lock()
	defer mu.Unlock()
	return m["fixed"]
}

func main() {
	fmt.Println("ready")
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	good := strings.Repeat("k", 78)
	copy(page, good)
	gone := page[:len(good)]
	key := *(*string)(unsafe.Pointer(&gone)) // a slice begins as a string does
	mu.Lock()
	m[key] = 1
	mu.Unlock()
	go func() {
		for i := 0; ; i++ {
			write(i)
			time.Sleep(100 * time.Microsecond)
		}
	}()
	for i := 0; i < 10000; i++ {
		read()
		time.Sleep(100 * time.Microsecond)
	}
	mu.Lock()
	_ = syscall.Munmap(page)
	mu.Unlock()
	go faulty(good)
	for {
		read()
	}
}
