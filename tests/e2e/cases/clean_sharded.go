// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Sixteen maps with a lock each.
package main

import "sync"

type shard struct {
	mu sync.Mutex
	m  map[int]int
}

var shards [16]shard

func step(worker, i int) {
	k := int(scramble(uint64(i)<<4 | uint64(worker)))
	s := &shards[k&15]
	s.mu.Lock()
	s.m[k>>4&1023] = i
	delete(s.m, i&1023)
	s.mu.Unlock()
}

func main() {
	for i := range shards {
		shards[i].m = map[int]int{}
	}
	tilt(4, step)
}
