// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A registry that hands out its table by value. The lock is in the table, so that each caller has a
// lock of its own, and all of them one map.
package main

import (
	"fmt"
	"sync"
)

type table struct {
	sync.Mutex
	routes map[string]int
}

type registry struct{ tables []table }

//go:noinline
func (r *registry) add(name string, port int) {
	t := r.tables[0] // a copy
	t.Lock()
	defer t.Unlock()
	t.routes[name] = port
}

//go:noinline
func (r *registry) remove(name string) {
	t := r.tables[0]
	t.Lock()
	defer t.Unlock()
	delete(t.routes, name)
}

func main() {
	r := &registry{tables: []table{{routes: map[string]int{}}}}
	name := func(turn int) string { return fmt.Sprintf("svc-%d", turn%20) }
	serve(
		func(turn int) { r.add(name(turn), turn) },
		func(turn int) { r.remove(name(turn + 10)) },
	)
}
