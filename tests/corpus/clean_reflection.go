// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same settings behind a mutex.
package main

import (
	"reflect"
	"strconv"
	"sync"
)

type settings struct {
	mu     sync.Mutex
	values map[string]string
}

//go:noinline
func (s *settings) set(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reflect.ValueOf(s.values).SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(value))
}

//go:noinline
func (s *settings) list() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for all := reflect.ValueOf(s.values).MapRange(); all.Next(); {
		n += all.Value().Len()
	}
	return n
}

func main() {
	s := &settings{values: map[string]string{"log": "warn"}}
	serve(
		func(turn int) { s.set("option "+strconv.Itoa(turn%50), strconv.Itoa(turn)) },
		func(int) { s.list() },
	)
}
