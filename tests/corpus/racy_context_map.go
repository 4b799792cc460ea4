// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A request's facts travel in a map inside its context. The handler starts the audit in a goroutine
// of its own and both add to the map.
package main

import (
	"context"
	"sync"
	"time"
)

type factsKey struct{}

//go:noinline
func note(ctx context.Context, name, value string) {
	ctx.Value(factsKey{}).(map[string]string)[name] = value
}

func audit(ctx context.Context) {
	note(ctx, "audit", time.Now().String())
	note(ctx, "level", "full")
}

func handle(ctx context.Context) {
	note(ctx, "user", "u-1")
	note(ctx, "tenant", "t-1")
}

func request() {
	ctx := context.WithValue(context.Background(), factsKey{}, map[string]string{})
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		for i := 0; i < 4; i++ {
			audit(ctx)
			pause()
		}
	}()
	for i := 0; i < 4; i++ {
		handle(ctx)
		pause()
	}
	done.Wait()
}

func main() { serve(func(int) { request() }) }
