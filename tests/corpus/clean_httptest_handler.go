// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same handler with a lock.
package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
)

type handler struct {
	mu   sync.Mutex
	hits map[string]int
}

//go:noinline
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.hits[r.URL.Path]++
	h.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// use is one test: a server of its own, and two clients at once.
func use() {
	server := httptest.NewServer(&handler{hits: map[string]int{}})
	defer server.Close()
	var done sync.WaitGroup
	for _, path := range []string{"/a", "/b"} {
		path := path
		done.Add(1)
		go func() {
			defer done.Done()
			answer, err := http.Get(server.URL + path)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}()
	}
	done.Wait()
}

func main() { serve(func(int) { use() }) }
