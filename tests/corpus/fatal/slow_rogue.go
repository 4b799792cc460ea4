// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// alice and bob write with the mutex: they are ordered. rogue writes without it, with long keys (documents as keys of a set):
// to hash one takes longer than what alice and bob do.
// WRONG alice|bob
package main

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	mu sync.Mutex
	m  = map[string]int{}
)

//go:noinline
func alice(k string) {
	mu.Lock()
	m[k]++
	mu.Unlock()
}

//go:noinline
func bob(k string) {
	mu.Lock()
	m[k]++
	mu.Unlock()
}

//go:noinline
func rogue(k string) { m[k]++ }

func pause(d time.Duration) {
	for t := time.Now(); time.Since(t) < d; {
	}
}

func loop(f func(string), k string) {
	for {
		f(k)
		pause(20 * time.Microsecond)
	}
}

func spawn_alice() { go loop(alice, strconv.Itoa(1)) }
func spawn_bob()   { go loop(bob, strconv.Itoa(2)) }

func spawn_rogue() {
	go func() {
		doc := strings.Repeat("some text ", 100000)
		for {
			rogue(string([]byte(doc)))
			time.Sleep(time.Millisecond)
		}
	}()
}

func main() {
	spawn_alice()
	spawn_bob()
	time.Sleep(300 * time.Millisecond)
	spawn_rogue()
	time.Sleep(20 * time.Second)
}
