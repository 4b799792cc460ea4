// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same headers: the log goes through them when the handler is done.
package main

import "sync"

//go:noinline
func set(headers map[string]string, name, value string) { headers[name] = value }

//go:noinline
func size(headers map[string]string) int {
	n := 0
	for name, value := range headers {
		n += len(name) + len(value)
	}
	return n
}

func respond() {
	headers := map[string]string{"Content-Type": "text/plain", "Server": "corpus", "Vary": "Accept"}
	written := make(chan struct{})
	var logged sync.WaitGroup
	logged.Add(1)
	go func() {
		defer logged.Done()
		<-written
		_ = size(headers)
	}()
	set(headers, "Content-Length", "12")
	set(headers, "Date", "today")
	close(written)
	logged.Wait()
}

func main() { serve(func(int) { respond() }) }
