// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// How long the collector stops the world: goroutines that use maps behind locks, a collection every few milliseconds.
// usage: pauses SECONDS    prints a line of JSON: pauses, and what 50, 99 and 99.9 percent of them were below, in microseconds
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"sync"
	"time"
)

type shard struct {
	sync.Mutex
	m map[int]int
}

var shards [64]shard

func use(g int) {
	for i := g; ; i++ {
		s := &shards[i*7%len(shards)]
		s.Lock()
		s.m[i&255]++
		s.Unlock()
		if i%4 == 0 {
			time.Sleep(100 * time.Microsecond)
		}
	}
}

func pauses() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(sample)
	return sample[0].Value.Float64Histogram()
}

// below returns what a share of the pauses since base was below, in microseconds.
func below(h *metrics.Float64Histogram, base []uint64, share float64) float64 {
	var all, sum uint64
	for i, n := range h.Counts {
		all += n - base[i]
	}
	for i, n := range h.Counts {
		sum += n - base[i]
		if float64(sum) >= share*float64(all) {
			return h.Buckets[i+1] * 1e6
		}
	}
	return 0
}

func main() {
	seconds, err := strconv.ParseFloat(os.Args[1], 64)
	if err != nil {
		panic(err)
	}
	for i := range shards {
		shards[i].m = map[int]int{}
	}
	for g := 0; g < 8; g++ {
		go use(g)
	}
	go func() {
		for {
			runtime.GC()
			time.Sleep(5 * time.Millisecond)
		}
	}()
	fmt.Println("ready")
	time.Sleep(time.Second)
	base := append([]uint64(nil), pauses().Counts...)
	time.Sleep(time.Duration(seconds * float64(time.Second)))
	h := pauses()
	var n uint64
	for i, c := range h.Counts {
		n += c - base[i]
	}
	fmt.Printf("{\"pauses\": %d, \"p50_us\": %.0f, \"p99_us\": %.0f, \"p999_us\": %.0f}\n",
		n, below(h, base, 0.5), below(h, base, 0.99), below(h, base, 0.999))
}
