// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A loop over map operations, as hot as it gets, that says how many there were.
//
//	hot read|write|iterate private|shared [GOROUTINES]
//
// private: each goroutine has a map of its own. shared: all read one map; writers and iterators take turns under a mutex.
// Each line "cut NAME" on standard input prints "NAME OPERATIONS SECONDS CPU-SECONDS" since the last one; the end of input ends it.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	entries = 1024
	batch   = 256
)

type counter struct {
	operations uint64
	_          [56]byte
}

type table struct {
	mu     sync.Mutex
	values map[string]int
}

var keys [entries]string

func newTable() *table {
	t := &table{values: make(map[string]int)}
	for i, key := range keys {
		t.values[key] = i
	}
	return t
}

//go:noinline
func read(t *table, n int) (sum int) {
	for i := 0; i < batch; i++ {
		sum += t.values[keys[(n+i)%entries]]
	}
	return sum
}

//go:noinline
func write(t *table, n int) int {
	for i := 0; i < batch; i++ {
		t.values[keys[(n+i)%entries]] = n
	}
	return 0
}

// one operation is one step of an iteration
//
//go:noinline
func iterate(t *table, n int) (sum int) {
	left := batch
	for _, value := range t.values {
		sum += value
		left--
		if left == 0 {
			break
		}
	}
	return sum
}

func loop(t *table, count *counter, step func(*table, int) int, locked bool) {
	for n := 0; ; n += batch {
		if locked {
			t.mu.Lock()
		}
		step(t, n)
		if locked {
			t.mu.Unlock()
		}
		atomic.AddUint64(&count.operations, batch)
	}
}

// CPU time of the process so far, the kernel's on its behalf included
func used() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func main() {
	steps := map[string]func(*table, int) int{"read": read, "write": write, "iterate": iterate}
	if len(os.Args) < 3 || steps[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: hot read|write|iterate private|shared [GOROUTINES]")
		os.Exit(2)
	}
	goroutines := runtime.GOMAXPROCS(0)
	if len(os.Args) > 3 {
		goroutines, _ = strconv.Atoi(os.Args[3])
	}
	for i := range keys {
		keys[i] = fmt.Sprintf("key %d", i)
	}
	shared := newTable()
	counters := make([]counter, goroutines)
	for i := range counters {
		t, locked := shared, os.Args[1] != "read"
		if os.Args[2] == "private" {
			t, locked = newTable(), false
		}
		go loop(t, &counters[i], steps[os.Args[1]], locked)
	}
	last, before, cpu := time.Now(), uint64(0), used()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var name string
		if _, err := fmt.Sscanf(lines.Text(), "cut %s", &name); err != nil {
			continue
		}
		now, sum, cpuNow := time.Now(), uint64(0), used()
		for i := range counters {
			sum += atomic.LoadUint64(&counters[i].operations)
		}
		fmt.Println(name, sum-before, now.Sub(last).Seconds(), cpuNow-cpu)
		last, before, cpu = now, sum, cpuNow
	}
}
