// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A table of calls that wait for an answer, mostly none: a call that is over is taken out all the same,
// while another goroutine asks for it.
package main

import "sync"

type calls struct {
	waiting map[int]chan string
}

//go:noinline
func (c *calls) over(id int) { delete(c.waiting, id) }

//go:noinline
func (c *calls) find(id int) chan string { return c.waiting[id] }

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
