// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Settings that are set by name, with reflection, from an admin interface, and listed the same way by another.
package main

import (
	"reflect"
	"strconv"
)

type settings struct{ values map[string]string }

//go:noinline
func (s *settings) set(name, value string) {
	reflect.ValueOf(s.values).SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(value))
}

//go:noinline
func (s *settings) list() (n int) {
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
