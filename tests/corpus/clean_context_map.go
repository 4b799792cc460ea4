// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same request, whose facts have a lock of their own.
package main

import (
	"context"
	"sync"
	"time"
)

type factsKey struct{}

type facts struct {
	mu     sync.Mutex
	byName map[string]string
}

//go:noinline
func note(ctx context.Context, name, value string) {
	f := ctx.Value(factsKey{}).(*facts)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byName[name] = value
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
	ctx := context.WithValue(context.Background(), factsKey{}, &facts{byName: map[string]string{}})
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
