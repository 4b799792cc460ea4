// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// One map per goroutine, dropped and made anew thousands of times a second: the collector hands the memory of one
// goroutine's map to another's. The program checks that this really happens.
package main

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"sync/atomic"
)

var (
	lastUser [1 << 14]atomic.Uint64 // by address: address and worker
	recycled atomic.Int64
	escape   [4]map[int]int
)

func step(worker, i int) {
	m := make(map[int]int)
	escape[worker] = m
	for j := 0; j < 24; j++ {
		m[j] = i
	}
	keep(m[i&15])
	delete(m, i&15)
	if i%8 == 0 {
		address := uint64(reflect.ValueOf(m).Pointer())
		slot := &lastUser[address>>4%uint64(len(lastUser))]
		me := address<<8 | uint64(worker)
		if old := slot.Swap(me); old>>8 == address && old != me {
			recycled.Add(1)
		}
	}
}

func main() {
	debug.SetGCPercent(10)
	crew(4, step)
	wait(func() error {
		notes = append(notes, fmt.Sprint("recycled ", recycled.Load(), " times"))
		if recycled.Load() == 0 {
			return fmt.Errorf("no address was ever used by two goroutines")
		}
		return nil
	})
}
