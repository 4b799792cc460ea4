// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two goroutines with profiler labels and a race between them, for half a minute.
package main

import (
	"context"
	"fmt"
	"runtime/pprof"
	"time"
)

var carts = map[string]int{}

func handle(name string, use func(i int)) {
	pprof.Do(context.Background(), pprof.Labels("handler", name, "tenant", "seven"), func(context.Context) {
		for i := 0; ; i++ {
			use(i)
			for began := time.Now(); time.Since(began) < 200*time.Microsecond; {
			}
		}
	})
}

func main() {
	go handle("add", func(i int) { carts["a"] = i })
	go handle("show", func(int) { _ = carts["a"] })
	fmt.Println("ready")
	time.Sleep(30 * time.Second)
}
