// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same pool; a job's map has a lock.
package main

import "sync"

type job struct {
	mu      sync.Mutex
	results map[int]int
	left    sync.WaitGroup
}

type part struct {
	of *job
	n  int
}

var parts = make(chan part)

//go:noinline
func (j *job) finish(n, result int) {
	j.mu.Lock()
	j.results[n] = result
	j.mu.Unlock()
}

func work() {
	for p := range parts {
		sum := 0
		for i := 0; i <= p.n; i++ {
			sum += i * i
		}
		p.of.finish(p.n, sum)
		p.of.left.Done()
	}
}

func do() {
	j := &job{results: map[int]int{}}
	j.left.Add(4)
	for n := 1; n <= 4; n++ {
		parts <- part{j, n * 100}
	}
	j.left.Wait()
}

func main() {
	for i := 0; i < 4; i++ {
		go work()
	}
	serve(func(int) { do() })
}
