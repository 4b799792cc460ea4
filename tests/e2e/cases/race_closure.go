// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Both sides are closures over one local map.
//
// EXPECT kind=write-write a=write:main.share.func1:@one b=write:main.share.func2:@two
package main

//go:noinline
func share() (one, two func(i int)) {
	results := map[int]string{}
	one = func(i int) {
		results[i&63] = "one" // @one
	}
	two = func(i int) {
		results[i&63] = "two" // @two
	}
	return
}

func main() {
	one, two := share()
	lanes(one, two)
}
