// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A cache in sixteen shards, each with a lock of its own.
package main

import (
	"fmt"
	"hash/fnv"
	"sync"
)

type shard struct {
	sync.RWMutex
	items map[string]int
}

type cache [16]shard

func (c *cache) shard(key string) *shard {
	h := fnv.New32a()
	h.Write([]byte(key))
	return &c[h.Sum32()%uint32(len(c))]
}

//go:noinline
func (c *cache) get(key string) int {
	s := c.shard(key)
	s.RLock()
	defer s.RUnlock()
	return s.items[key]
}

//go:noinline
func (c *cache) put(key string, value int) {
	s := c.shard(key)
	s.Lock()
	defer s.Unlock()
	s.items[key] = value
}

func main() {
	c := &cache{}
	for i := range c {
		c[i].items = map[string]int{}
	}
	key := func(turn int) string { return fmt.Sprintf("key-%d", turn%200) }
	serve(
		func(turn int) { c.put(key(turn), turn) },
		func(turn int) { c.put(key(turn*7), turn) },
		func(turn int) { c.get(key(turn)) },
		func(turn int) { c.get(key(turn * 3)) },
	)
}
