// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Many maps, many goroutines, each access under its map's lock: what grows in maprace when these numbers grow?
//
//	growth MAPS GOROUTINES
//
// Each line "cut NAME" on standard input prints "NAME OPERATIONS SECONDS" since the last one; the end of input ends it.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const batch = 64

type table struct {
	mu     sync.Mutex
	values map[int]int
}

func worker(tables []table, state uint64, operations *uint64) {
	for {
		for i := 0; i < batch; i++ {
			state = state*6364136223846793005 + 1442695040888963407
			t := &tables[(state>>33)%uint64(len(tables))]
			key := int(state>>20) & 7
			t.mu.Lock()
			if state>>60 == 0 {
				t.values[key] = i
			} else if t.values[key] < 0 {
				panic("a value that nobody wrote")
			}
			t.mu.Unlock()
		}
		atomic.AddUint64(operations, batch)
		runtime.Gosched() // ten thousand goroutines take turns
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: growth MAPS GOROUTINES")
		os.Exit(2)
	}
	maps, _ := strconv.Atoi(os.Args[1])
	goroutines, _ := strconv.Atoi(os.Args[2])
	tables := make([]table, maps)
	for i := range tables {
		tables[i].values = map[int]int{i & 7: i}
	}
	var operations uint64
	for i := 0; i < goroutines; i++ {
		go worker(tables, uint64(i)*2862933555777941757+3037000493, &operations)
	}
	last, before := time.Now(), uint64(0)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var name string
		if _, err := fmt.Sscanf(lines.Text(), "cut %s", &name); err != nil {
			continue
		}
		now, sum := time.Now(), atomic.LoadUint64(&operations)
		fmt.Println(name, sum-before, now.Sub(last).Seconds())
		last, before = now, sum
	}
}
