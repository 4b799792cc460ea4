// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Requests for the same key wait for the first of them, as with golang.org/x/sync/singleflight.
package main

import (
	"strconv"
	"sync"
)

type flight struct {
	done  chan struct{}
	value string
}

type flights struct {
	mu      sync.Mutex
	waiting map[string]*flight
}

//go:noinline
func (f *flights) do(key string, load func() string) string {
	f.mu.Lock()
	if first := f.waiting[key]; first != nil {
		f.mu.Unlock()
		<-first.done
		return first.value
	}
	first := &flight{done: make(chan struct{})}
	f.waiting[key] = first
	f.mu.Unlock()
	first.value = load()
	f.mu.Lock()
	delete(f.waiting, key)
	f.mu.Unlock()
	close(first.done)
	return first.value
}

func main() {
	f := &flights{waiting: map[string]*flight{}}
	request := func(turn int) {
		key := "key " + strconv.Itoa(turn%3)
		f.do(key, func() string {
			pause()
			return key
		})
	}
	serve(request, request, request)
}
