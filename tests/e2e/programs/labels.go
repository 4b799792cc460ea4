// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two goroutines with profiler labels and a race between them, for half a minute. Each comes once in a period, the one in the
// middle of the other's: nothing orders them, and Go's own check hardly ever sees them. They sleep in between, with an
// argument under other labels, and leave the processors to others: two that spin at real-time priority keep everyone else off a
// machine with two processors.
//
//	labels [changing|collecting]    collecting: the memory of the first labels is that of others by the time that they sleep
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"time"
)

var carts = map[string]int{}

// Its labels are new ones each time, and nobody's when it sleeps: a collection lets the next ones have their memory.
func collect(name string, phase time.Duration, use func(i int)) {
	for i := 0; ; i++ {
		pprof.Do(context.Background(), pprof.Labels("handler", name, "tenant", "seven"), func(context.Context) { use(i) })
		runtime.GC()
		pprof.Do(context.Background(), pprof.Labels("handler", "other"), func(context.Context) { rest(phase) })
	}
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
	serve := handle
	if len(os.Args) > 1 && os.Args[1] == "collecting" {
		serve = collect
	}
	go serve("add", 0, func(i int) { carts["a"] = i })
	go serve("show", period/2, func(int) { _ = carts["a"] })
	fmt.Println("ready")
	time.Sleep(30 * time.Second)
}
