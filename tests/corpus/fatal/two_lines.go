// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// reader() and locked() use the mutex: they are ordered. unlocked() is the culprit, of the same goroutine as locked().
// WRONG locked|reader
package main

import (
	"strings"
	"sync"
	"time"
)

var (
	mu sync.RWMutex
	m  = map[string]int{}
	n  int
)

//go:noinline
func reader(k string) {
	mu.RLock()
	n += m[k]
	mu.RUnlock()
}

//go:noinline
func locked(k string) {
	mu.Lock()
	m[k]++
	mu.Unlock()
}

//go:noinline
func unlocked(k string) { m[k]++ }

func pause(d time.Duration) {
	for t := time.Now(); time.Since(t) < d; {
	}
}

func spawn_reader() {
	go func() {
		for {
			reader("a")
			pause(5 * time.Microsecond)
		}
	}()
}

func spawn_unlocked() {
	go func() {
		doc := strings.Repeat("some text ", 100000)
		for i := 1; ; i++ {
			locked("b")
			pause(5 * time.Microsecond)
			if i%20000 == 0 {
				unlocked(string([]byte(doc)))
			}
		}
	}()
}

func main() {
	spawn_reader()
	spawn_unlocked()
	time.Sleep(40 * time.Second)
}
