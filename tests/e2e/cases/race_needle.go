// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// One shared map among thousands that their goroutines keep to themselves.
//
// EXPECT kind=read-write a=write:main.writer:@writer b=read:main.reader:@reader
// NEVER function=main.private
package main

import "time"

var m = map[string]int{}

//go:noinline
func writer(i int) {
	m[words[i&63]] = i // @writer
}

//go:noinline
func reader(i int) {
	keep(m[words[i&63]]) // @reader
}

//go:noinline
func private(maps []map[int]int, i int) {
	own := maps[i%len(maps)]
	own[i&63] = i
	keep(own[i&31])
	delete(own, i&15)
}

func haystack(count *int64) {
	maps := make([]map[int]int, 2000)
	for i := range maps {
		maps[i] = map[int]int{}
	}
	for i := 0; !stopping.Load(); i++ {
		private(maps, i)
		*count++
		if i%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

func main() {
	work(haystack)
	work(haystack)
	lanes(writer, reader)
}
