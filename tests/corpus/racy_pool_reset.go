// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Requests are taken from a sync.Pool and put back when they are answered. The access log keeps the
// request's headers and reads them a moment later, when the next user of the object fills in its own.
package main

import "sync"

type request struct{ headers map[string]string }

var (
	pool = sync.Pool{New: func() interface{} { return &request{headers: map[string]string{}} }}
	logs = make(chan map[string]string, 64)
)

//go:noinline
func fill(r *request, turn int) {
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
			select {
			case logs <- r.headers:
			default:
			}
			pool.Put(r) // its headers go with it, though the log has them still
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
