// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// racy() writes the map that reader() reads without a lock; elsewhere() writes another map, which is its goroutine's own, through the
// same function of the runtime and from the same depth of the stack.
// WRONG elsewhere elsewhere|reader
package main

import "time"

var (
	m   = map[string]int{}
	own = map[string]int{}
	n   int
)

//go:noinline
func reader(k string) { n += m[k] }

//go:noinline
func racy(k string) { m[k]++ }

//go:noinline
func elsewhere(k string) { own[k]++ }

func pause(d time.Duration) {
	for t := time.Now(); time.Since(t) < d; {
	}
}

func spawn_reader() {
	go func() {
		for {
			reader("a")
			pause(3 * time.Microsecond)
		}
	}()
}

func spawn_racy() {
	go func() {
		for {
			racy("b")
			elsewhere("b")
			elsewhere("c")
			pause(2 * time.Microsecond)
		}
	}()
}

func main() {
	spawn_reader()
	time.Sleep(300 * time.Millisecond)
	spawn_racy()
	time.Sleep(20 * time.Second)
}
