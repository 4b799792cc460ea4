// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two goroutines with profiler labels and a race between them, for half a minute. Each comes once in a period, the one in the
// middle of the other's: nothing orders them, and Go's own check hardly ever sees them. They sleep in between, with an
// argument under other labels, and leave the processors to others: two that spin at real-time priority keep everyone else off a
// machine with two processors.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"
)

var carts = map[string]int{}

const period = 2 * time.Millisecond

var began = time.Now()

func rest(phase time.Duration) {
	left := syscall.NsecToTimespec(int64(period - (time.Since(began)+phase)%period))
	_ = syscall.Nanosleep(&left, nil)
}

func handle(name string, phase time.Duration, use func(i int)) {
	pprof.Do(context.Background(), pprof.Labels("handler", name, "tenant", "seven"), func(context.Context) {
		for i := 0; ; i++ {
			if len(os.Args) > 1 {
				pprof.Do(context.Background(), pprof.Labels("handler", "other"), func(context.Context) { rest(phase) })
			} else {
				rest(phase)
			}
			use(i)
		}
	})
}

func main() {
	runtime.GOMAXPROCS(4)
	go handle("add", 0, func(i int) { carts["a"] = i })
	go handle("show", period/2, func(int) { _ = carts["a"] })
	fmt.Println("ready")
	time.Sleep(30 * time.Second)
}
