// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same pool. What the log keeps is taken out of the object before it goes back.
package main

import "sync"

type request struct{ headers map[string]string }

var (
	pool = sync.Pool{New: func() interface{} { return &request{} }}
	logs = make(chan map[string]string, 64)
)

//go:noinline
func fill(r *request, turn int) {
	r.headers = map[string]string{}
	r.headers["Host"] = "example.org"
	r.headers["X-Turn"] = string(rune('a' + turn%26))
}

//go:noinline
func write(headers map[string]string) int {
	n := 0
	for name, value := range headers {
		n += len(name) + len(value)
	}
	return n
}

func main() {
	serve(
		func(turn int) {
			r := pool.Get().(*request)
			fill(r, turn)
			headers := r.headers
			r.headers = nil
			select {
			case logs <- headers:
			default:
			}
			pool.Put(r)
		},
		func(int) {
			select {
			case headers := <-logs:
				write(headers)
			default:
			}
		},
	)
}
