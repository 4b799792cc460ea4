// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Services that use hundreds of maps a million times a second, all but one pair of call sites in order, with CPU time to spare.
//
//	busy requests|cache|index SECONDS
//
// requests: each request has maps of its own, and hands one of them to a goroutine that deletes from it while it is still read.
// cache: 256 shards, each with its lock; a miss is counted in a map without one, which is read for a page of figures.
// index: a map for each of 400 files, read by three requests at a time under a lock; what they work out once for each version of
// the index is kept in a map that has none.
package main

import (
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

var sum, operations atomic.Int64 // what is read is used

func did(n, result int) {
	operations.Add(int64(n))
	sum.Add(int64(result))
}

func number(i int) string { return strconv.Itoa(i) }

var names = func() (all [512]string) {
	for i := range all {
		all[i] = "name-" + number(i)
	}
	return all
}()

const rate = 1000000

// paced keeps one of so many workers to its part of the rate: called after n more operations.
func paced(workers int) func(n int) {
	began, done := time.Now(), 0
	return func(n int) {
		done += n
		ahead := time.Duration(done)*time.Second/time.Duration(rate/workers) - time.Since(began)
		if ahead > time.Millisecond {
			time.Sleep(ahead)
		} else if ahead < -100*time.Millisecond {
			began, done = time.Now(), 0
		}
	}
}

// dice makes one of a worker's own: what comes by a fixed number of turns would keep its distance to what others do so.
func dice(worker int) func(n int) bool {
	random := rand.New(rand.NewSource(time.Now().UnixNano() + int64(worker)))
	return func(n int) bool { return random.Intn(n) == 0 }
}

// busy is some work between two operations.
func busy(n int) int {
	x := n
	for i := 0; i < 300; i++ {
		x = x*1103515245 + 12345
	}
	return x & 1
}

// ---- requests ----

//go:noinline
func forget(header map[string]string, done chan<- bool) {
	delete(header, names[3])
	done <- true
}

//go:noinline
func logged(header map[string]string) int { return len(header[names[4]]) }

func request(turn int, hand bool) {
	header, query := map[string]string{}, map[string]int{}
	for i := 0; i < 12; i++ {
		header[names[i]] = names[turn%512]
		query[names[i]] = i
	}
	n := 0
	for i := 0; i < 200; i++ {
		n += len(header[names[i%12]]) + query[names[i%16]] + busy(i)
	}
	if hand {
		done := make(chan bool, 1)
		go forget(header, done)
		n += logged(header)
		<-done
	}
	did(424, n)
}

func requests() {
	for w := 0; w < 4; w++ {
		w := w
		go func() {
			pace, lot := paced(4), dice(w)
			for turn := 0; ; turn++ {
				request(turn, lot(256))
				pace(424)
			}
		}()
	}
}

// ---- cache ----

type shard struct {
	lock sync.Mutex
	kept map[int]int
}

var shards [256]shard
var misses = map[int]int{}

//go:noinline
func missed(key int) { misses[key%16]++ }

//go:noinline
func figures() (n int) {
	for i := 0; i < 16; i++ {
		n += misses[i]
	}
	return n
}

func look(key int) {
	s := &shards[key%len(shards)]
	s.lock.Lock()
	n, ok := s.kept[key]
	if !ok {
		s.kept[key] = key
	}
	s.lock.Unlock()
	did(1, n+busy(key))
	if !ok {
		missed(key)
	}
}

func cache() {
	for i := range shards {
		shards[i].kept = map[int]int{}
	}
	for key := 0; key < 4096; key++ {
		shards[key%len(shards)].kept[key] = key
	}
	for w := 0; w < 4; w++ {
		w := w
		go func() {
			pace, lot := paced(4), dice(w)
			for turn := 0; ; turn++ {
				if turn%256 == 0 {
					pace(256)
				}
				key := turn * 7 % 4096
				if w == 0 && lot(12500) {
					key += turn // seen by nobody before
				}
				look(key)
			}
		}()
	}
	go func() {
		for {
			time.Sleep(20 * time.Millisecond)
			sum.Add(int64(figures()))
		}
	}()
}

// ---- index ----

type snapshot struct{ memo map[int]int }

var files [400]map[string]int
var index sync.RWMutex
var current atomic.Pointer[snapshot]

//go:noinline
func (s *snapshot) worked(file int) int {
	if n, ok := s.memo[file]; ok {
		return n
	}
	n := 0
	for i := 0; i < 64; i++ {
		n += files[file][names[i]] + busy(i)
	}
	s.memo[file] = n
	return n
}

func answer(turn int, work bool) {
	index.RLock()
	defer index.RUnlock()
	n := 0
	for i := 0; i < 300; i++ {
		n += files[(turn+i)%400][names[i%64]] + busy(i)
	}
	if work {
		n += current.Load().worked(turn % 400)
	}
	did(300, n)
}

func indexed() {
	for i := range files {
		files[i] = map[string]int{}
		for k := 0; k < 64; k++ {
			files[i][names[k]] = k
		}
	}
	current.Store(&snapshot{map[int]int{}})
	for w := 0; w < 3; w++ {
		w := w
		go func() {
			pace, lot := paced(3), dice(w)
			for turn := 21 * w; ; turn++ {
				answer(turn, lot(128))
				pace(300)
			}
		}()
	}
	go func() {
		for turn := 0; ; turn++ {
			time.Sleep(20 * time.Millisecond)
			index.Lock()
			for k := 0; k < 64; k++ {
				files[turn%400][names[k]] = turn
			}
			current.Store(&snapshot{map[int]int{}})
			index.Unlock()
		}
	}()
}

func main() {
	seconds, _ := strconv.Atoi(os.Args[2])
	map[string]func(){"requests": requests, "cache": cache, "index": indexed}[os.Args[1]]()
	fmt.Println("ready")
	time.Sleep(time.Duration(seconds) * time.Second)
	fmt.Println(operations.Load()/int64(seconds), "operations a second")
}
