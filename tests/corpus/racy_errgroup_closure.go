// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Results of parallel fetches are put into one map by the closures that a group of goroutines runs.
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
	results := map[string]int{}
	var g group
	for _, url := range urls {
		url := url
		g.run(func() {
			pause()
			results[url] = fetch(url)
		})
	}
	g.all.Wait()
	return results
}

func main() {
	var urls []string
	for i := 0; i < 8; i++ {
		urls = append(urls, "http://host-"+strconv.Itoa(i)+"/")
	}
	serve(func(int) { gather(urls) })
}
