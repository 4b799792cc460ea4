// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Look-ups meet a map that grows all the time. The variable itself is guarded, the map is not.
//
// EXPECT kind=read-write a=write:main.grower:@grower b=read:main.reader:@reader
package main

import "sync"

var (
	mu  sync.Mutex
	now = map[int]int{}
)

func current() map[int]int {
	mu.Lock()
	defer mu.Unlock()
	return now
}

//go:noinline
func grower(i int) {
	m := current()
	if i%1000 == 0 {
		m = make(map[int]int)
		mu.Lock()
		now = m
		mu.Unlock()
	}
	m[i] = i // @grower
}

//go:noinline
func reader(i int) {
	m := current()
	keep(m[i]) // @reader
}

func main() { lanes(grower, reader) }
