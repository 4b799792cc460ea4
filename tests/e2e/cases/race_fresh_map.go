// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A goroutine is started for each operation, on a map that lives for a moment: the two meet only once.
//
// EXPECT kind=read-write a=write:main.round:@write b=read:main.reader:@read
package main

//go:noinline
func reader(m map[int]int, done chan<- int) {
	done <- m[1] // @read
}

//go:noinline
func round(i int) {
	m := map[int]int{}
	done := make(chan int)
	go reader(m, done)
	m[1] = i // @write
	keep(<-done)
}

func main() { lanes(round) }
