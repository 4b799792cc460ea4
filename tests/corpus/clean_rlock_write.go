// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same prices. What is not known is stored under the lock for writing, after a second look.
package main

import (
	"fmt"
	"sync"
)

type prices struct {
	mu     sync.RWMutex
	byItem map[string]int
}

//go:noinline
func (p *prices) price(item string) int {
	p.mu.RLock()
	cents, known := p.byItem[item]
	p.mu.RUnlock()
	if known {
		return cents
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	cents, known = p.byItem[item]
	if !known {
		cents = len(item) * 100
		p.byItem[item] = cents
	}
	return cents
}

//go:noinline
func (p *prices) forget(item string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byItem, item)
}

func main() {
	p := &prices{byItem: map[string]int{}}
	item := func(turn int) string { return fmt.Sprintf("item-%d", turn%8) }
	serve(
		func(turn int) { p.price(item(turn)) },
		func(turn int) { p.price(item(turn + 3)) },
		func(turn int) { p.forget(item(turn)) },
	)
}
