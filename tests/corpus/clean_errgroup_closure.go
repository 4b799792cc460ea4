// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same. Each goroutine has a map of its own; they are put together when all are done.
package main

import (
	"strconv"
	"sync"
)

type group struct{ all sync.WaitGroup }

func (g *group) run(f func()) {
	g.all.Add(1)
	go func() {
		defer g.all.Done()
		f()
	}()
}

//go:noinline
func fetch(url string) int { return len(url) }

//go:noinline
func gather(urls []string) map[string]int {
	parts := make([]map[string]int, len(urls))
	var g group
	for i, url := range urls {
		i, url := i, url
		g.run(func() {
			pause()
			parts[i] = map[string]int{url: fetch(url)}
		})
	}
	g.all.Wait()
	results := map[string]int{}
	for _, part := range parts {
		for url, n := range part {
			results[url] = n
		}
	}
	return results
}

func main() {
	var urls []string
	for i := 0; i < 8; i++ {
		urls = append(urls, "http://host-"+strconv.Itoa(i)+"/")
	}
	serve(func(int) { gather(urls) })
}
