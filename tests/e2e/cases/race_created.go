// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The report tells where each goroutine was started.
//
// EXPECT kind=read-write a=write:main.writer:@writer b=read:main.reader:@reader
// CREATED main.writer main.main:@start-writer
// CREATED main.reader main.launch:@start-reader
package main

import "runtime"

var m = map[string]int{}

func writer() {
	for i := 0; !stopping.Load(); i++ {
		moment(0, 2)
		m[words[i&63]] = i // @writer
		counts[0].n++
	}
}

func reader() {
	for i := 0; !stopping.Load(); i++ {
		moment(1, 2)
		keep(m[words[i&63]]) // @reader
		counts[1].n++
	}
}

//go:noinline
func launch() {
	go reader() // @start-reader
}

func main() {
	runtime.GOMAXPROCS(4)
	go writer() // @start-writer
	launch()
	wait()
}
