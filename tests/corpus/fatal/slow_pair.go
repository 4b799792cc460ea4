// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// As pair, about once a millisecond, so that each operation is looked at: the line is known as well. It is two writers
// that a busy third one, which never touches the map, keeps from a CPU now and then.
package main

import "time"

var m = map[int]int{}

//go:noinline
func first(i int) {
	for k := 0; k < 40; k++ {
		delete(m, k)
	}
	m[i] = i
	if len(m) > 4000 {
		for k := range m {
			delete(m, k)
		}
	}
}

//go:noinline
func second(i int) { m[-i] = i }

func spawn_first() {
	go func() {
		for i := 0; ; i++ {
			first(i)
			time.Sleep(200 * time.Microsecond)
		}
	}()
}

func spawn_second() {
	go func() {
		for i := 0; ; i++ {
			second(i)
			time.Sleep(150 * time.Microsecond)
		}
	}()
}

func main() {
	spawn_first()
	time.Sleep(300 * time.Millisecond)
	spawn_second()
	time.Sleep(20 * time.Second)
}
