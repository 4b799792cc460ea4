// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same table with a lock.
package main

import "sync"

type calls struct {
	mu      sync.Mutex
	waiting map[int]chan string
}

//go:noinline
func (c *calls) over(id int) {
	c.mu.Lock()
	delete(c.waiting, id)
	c.mu.Unlock()
}

//go:noinline
func (c *calls) find(id int) chan string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting[id]
}

func call() {
	c := &calls{waiting: map[int]chan string{}}
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		c.over(1)
	}()
	_ = c.find(1)
	done.Wait()
}

func main() { serve(func(int) { call() }) }
