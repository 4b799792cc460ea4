// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Functions with type parameters.
//
// EXPECT kind=read-write a=write:main.put[...]:@put b=read:main.get[...]:@get
package main

//go:noinline
func put[K comparable, V any](m map[K]V, k K, v V) {
	m[k] = v // @put
}

//go:noinline
func get[K comparable, V any](m map[K]V, k K) V {
	return m[k] // @get
}

var m = map[string]int{}

func main() {
	lanes(func(i int) { put(m, words[i&63], i) }, func(i int) { keep(get(m, words[i&63])) })
}
