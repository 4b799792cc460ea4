// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A map with one owner. The others send what they want done, and wait for the answer.
package main

import "fmt"

type request struct {
	key    string
	value  int
	answer chan int
}

//go:noinline
func own(requests chan request) {
	values := map[string]int{}
	for r := range requests {
		if r.value != 0 {
			values[r.key] = r.value
		}
		r.answer <- values[r.key]
	}
}

func ask(requests chan request, key string, value int) int {
	r := request{key, value, make(chan int, 1)}
	requests <- r
	return <-r.answer
}

func main() {
	requests := make(chan request)
	go own(requests)
	serve(
		func(turn int) { ask(requests, fmt.Sprint(turn%10), turn) },
		func(turn int) { ask(requests, fmt.Sprint(turn%10), 0) },
	)
}
