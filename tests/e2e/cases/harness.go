// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// What every case shares; it is compiled together with each of them (go build CASE.go harness.go).
//
// A program says "ready", runs until SIGTERM, SIGINT or the number of seconds given as its argument, and says
// "ok N operations": the runner sees by that line and by status 0 that watching did no harm.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	stopping atomic.Bool
	workers  sync.WaitGroup
	began    = time.Now()
	counts   [64]struct {
		n int64
		_ [56]byte // a cache line each: counting must not order the workers
	}
	nworkers int
	notes    []string
)

// words are string keys that cost nothing to make.
var words = func() (w [256]string) {
	for i := range w {
		w[i] = "key-" + strconv.Itoa(i)
	}
	return
}()

// A racy program's lanes: each function runs in a goroutine of its own, about once a period, at a random moment of
// its own part of the period. Nothing orders them, only the clock keeps them at least `guard` apart, so that they
// hardly ever stand inside the runtime at the same instant and Go's own check stays silent for long.
const guard = 40 * time.Microsecond

var period = duration("E2E_PERIOD", time.Millisecond)

// Before they start, the functions run for a while in turn: maps have grown to their size, call sites are no news. A lane
// sleeps inside the kernel and there are processors for all: with the runtime's own timers one processor would often run
// all the lanes by turns, and while it is held in one of them the others could not come.
func lanes(fns ...func(i int)) {
	for i := 0; i < 128; i++ {
		for _, fn := range fns {
			fn(i)
		}
	}
	runtime.GOMAXPROCS(len(fns) + 2)
	for i, fn := range fns {
		work(lane(i, len(fns), fn))
	}
	wait()
}

func lane(number, of int, fn func(i int)) func(count *int64) {
	return func(count *int64) {
		for i := 0; !stopping.Load(); i++ {
			moment(number, of)
			fn(i)
			*count++
		}
	}
}

// moment sleeps to the lane's next one. The last stretch is spent spinning: a sleep ends 50 to 100 us late. A moment
// may be late as long as it is in its own part; then it is let go: after a pause of the whole machine all lanes would
// act at once.
func moment(number, of int) {
	part := period / time.Duration(of)
	for tries := 0; tries < 10; tries++ {
		cell := time.Since(began)/period + 1
		at := cell*period + time.Duration(number)*part
		if part > guard {
			at += time.Duration(scramble(uint64(cell)<<8|uint64(number)) % uint64(part-guard))
		}
		if rest := at - time.Since(began) - 100*time.Microsecond; rest > 0 {
			pause := syscall.NsecToTimespec(int64(rest))
			_ = syscall.Nanosleep(&pause, nil)
		}
		for time.Since(began) < at {
		}
		if end := cell*period + time.Duration(number+1)*part - guard; time.Since(began) < end || part <= guard {
			return
		}
	}
}

// A clean program's workers: n goroutines that run fn without a pause, on two processors.
func tilt(n int, fn func(worker, i int)) {
	crew(n, fn)
	wait()
}

// crew starts workers and returns; several crews may run beside each other before wait is called.
func crew(n int, fn func(worker, i int)) {
	runtime.GOMAXPROCS(2)
	for w := 0; w < n; w++ {
		w := w
		work(func(count *int64) {
			for i := 0; !stopping.Load(); i++ {
				fn(w, i)
				*count++
			}
		})
	}
}

func work(loop func(count *int64)) {
	count := &counts[nworkers].n
	nworkers++
	workers.Add(1)
	go func() {
		defer workers.Done()
		loop(count)
	}()
}

// wait ends the program in order: checks that a case registered run after all workers have returned.
func wait(checks ...func() error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	fmt.Println("ready")
	select {
	case <-signals:
	case <-timeout():
	}
	stopping.Store(true)
	workers.Wait()
	for _, check := range checks {
		if err := check(); err != nil {
			fmt.Println("broken:", err)
			os.Exit(1)
		}
	}
	total := int64(0)
	for i := range counts {
		total += counts[i].n
	}
	for _, note := range notes {
		fmt.Println(note)
	}
	fmt.Println("ok", total, "operations")
	os.Exit(0)
}

func timeout() <-chan time.Time {
	if len(os.Args) < 2 {
		return nil
	}
	seconds, err := strconv.ParseFloat(os.Args[1], 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, "usage: CASE [SECONDS]")
		os.Exit(2)
	}
	return time.After(time.Duration(seconds * float64(time.Second)))
}

func duration(name string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv(name)); err == nil && d > 0 {
		return d
	}
	return otherwise
}

// scramble is a random number that only depends on x (splitmix64): lanes need no shared generator.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// keep uses a value, so that the compiler cannot drop what computed it.
//
//go:noinline
func keep(int) {}
