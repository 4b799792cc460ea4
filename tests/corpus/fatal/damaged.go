// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// alice and bob write with the mutex: they are ordered. What a third one did to the map, long ago, comes out now: it has no
// empty slot although it is not full (Go 1.24 to 1.26).
// WRONG alice|bob alice bob
// DAMAGES
package main

import (
	"sync"
	"time"
	"unsafe"
)

var (
	mu sync.Mutex
	m  = map[int]int{}
)

//go:noinline
func alice(i int) {
	mu.Lock()
	m[1] = i
	mu.Unlock()
}

//go:noinline
func bob(i int) {
	mu.Lock()
	m[2] = i
	mu.Unlock()
}

//go:noinline
func carol() {
	mu.Lock()
	m[3] = 3
	mu.Unlock()
}

func loop(f func(int)) {
	for i := 0; ; i++ {
		f(i)
		time.Sleep(20 * time.Microsecond)
	}
}

func spawn_alice() { go loop(alice) }
func spawn_bob()   { go loop(bob) }

// internal/runtime/maps.Map: the group of eight slots at 16, which begins with a control byte for each
func damage() {
	mu.Lock()
	group := *(*unsafe.Pointer)(unsafe.Pointer(uintptr(*(*unsafe.Pointer)(unsafe.Pointer(&m))) + 16))
	for i := uintptr(0); i < 8; i++ {
		if c := (*uint8)(unsafe.Pointer(uintptr(group) + i)); *c == 0x80 {
			*c = 0x7f
		}
	}
	mu.Unlock()
}

func main() {
	spawn_alice()
	spawn_bob()
	time.Sleep(400 * time.Millisecond)
	damage()
	carol()
	time.Sleep(20 * time.Second)
}
