// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The program clears the map's writing flag through unsafe before each of its operations, so that the check which Go
// makes on entry is blind. (A goroutine that clears it without a pause would make a writer die at its own end.)
//
// EXPECT kind=write-write a=write:main.writer:@writer b=write:main.blind:@blind
package main

import (
	"runtime"
	"strings"
	"unsafe"
)

var m = map[int]int{}

// Where the flag is: flags at 8 with bit 4 in the classic header, the byte `writing` at 34 in the Swiss one.
var flag, mask = func() (*uint8, uint8) {
	header := *(*unsafe.Pointer)(unsafe.Pointer(&m))
	for _, old := range []string{"go1.19", "go1.20", "go1.21", "go1.22", "go1.23"} {
		if strings.HasPrefix(runtime.Version(), old) {
			return (*uint8)(unsafe.Pointer(uintptr(header) + 8)), 4
		}
	}
	if strings.Contains(runtime.Version(), "noswissmap") {
		return (*uint8)(unsafe.Pointer(uintptr(header) + 8)), 4
	}
	return (*uint8)(unsafe.Pointer(uintptr(header) + 34)), 0xff
}()

//go:noinline
func writer(i int) {
	*flag &^= mask
	m[i&63] = i // @writer
}

//go:noinline
func blind(i int) {
	*flag &^= mask
	m[i&63] = i // @blind
}

func main() { lanes(writer, blind) }
