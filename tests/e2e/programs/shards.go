// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Eight maps, each with its lock. After SIGUSR1 the writer does not take one of these locks any more: that map is the one that
// Go's own check ends the process of. Readers and the writer walk over all of them, from the same line. Prints the racy one's address.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

var (
	shards   [8]map[string]int
	locks    [8]sync.RWMutex
	careless int32
)

const racy = 5

func read() {
	for {
		for i := range shards {
			locks[i].RLock()
			_ = shards[i]["a"]
			locks[i].RUnlock()
		}
	}
}

func write() {
	for k := 0; ; k++ {
		for i := range shards {
			locked := i != racy || atomic.LoadInt32(&careless) == 0
			if locked {
				locks[i].Lock()
			}
			shards[i]["a"] = k
			if locked {
				locks[i].Unlock()
			}
		}
	}
}

func main() {
	for i := range shards {
		shards[i] = map[string]int{}
	}
	fmt.Printf("ready %#x\n", *(*uintptr)(unsafe.Pointer(&shards[racy])))
	for i := 0; i < 3; i++ {
		go read()
	}
	go write()
	now := make(chan os.Signal, 1)
	signal.Notify(now, syscall.SIGUSR1)
	<-now
	atomic.StoreInt32(&careless, 1)
	time.Sleep(30 * time.Second)
}
