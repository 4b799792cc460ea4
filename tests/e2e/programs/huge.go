// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// huge ENTRIES: one map of so many entries, of the smallest keys that can have a billion, and nothing that uses it.
package main

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

// Such a key takes no more than four bytes of a slot, beside whatever it lies.
var all map[[4]byte]struct{}

func main() {
	n, err := strconv.ParseUint(os.Args[1], 10, 32)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	// what is prepared is not copied, and what is not copied needs no second place
	debug.SetGCPercent(-1)
	all = make(map[[4]byte]struct{}, n)
	for i := uint32(0); i < uint32(n); i++ {
		all[[4]byte{byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)}] = struct{}{}
	}
	fmt.Printf("map %#x\n", reflect.ValueOf(all).Pointer())
	fmt.Println("ready")
	time.Sleep(time.Hour)
	runtime.KeepAlive(all)
}
