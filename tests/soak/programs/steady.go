// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A clean program that finds out by itself whether anything was done to it: maps under locks, maps of one goroutine, maps handed over,
// and each of them is known to hold what it should. It is built with tests/e2e/cases/harness.go.
//
//	steady SECONDS REST [PROGRAM ARG...]
//
// It rests for REST after a few operations, and now and then does many without a rest, so that its probes come and go. On SIGUSR1 it
// says what an operation on a map costs ("gauge N": picoseconds, the least since it was last asked); on SIGUSR2 it becomes PROGRAM.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	accounts = 32
	each     = 1000
)

type place struct {
	x, y int32
	name string
}

var (
	rest = 10 * time.Millisecond

	mu    sync.Mutex
	books = map[string]int{}
	put   int

	rw   sync.RWMutex
	bank = map[int]int64{}

	spots  sync.Mutex
	places = map[place][40]int{}

	handed = make(chan map[uint64]int)
	least  atomic.Int64
)

func broken(what string, args ...any) {
	fmt.Printf("broken: "+what+"\n", args...)
	os.Exit(3)
}

// many is how often a worker does its operation before it rests.
func many(i int) int {
	if i%128 == 127 {
		return 4000
	}
	return 32
}

func book(worker, i int) {
	for n := many(i); n > 0; n-- {
		k := words[(i+n)&127]
		mu.Lock()
		books[k]++
		put++
		if n%16 == 0 {
			put -= books[k]
			delete(books, k)
		}
		mu.Unlock()
	}
	time.Sleep(rest)
}

func transfer(worker, i int) {
	for n := many(i) / 2; n > 0; n-- {
		from, to := int(scramble(uint64(i*64+n))%accounts), int(scramble(uint64(n*64+i))%accounts)
		rw.Lock()
		bank[from]--
		bank[to]++
		rw.Unlock()
	}
	time.Sleep(rest)
}

func audit(worker, i int) {
	sum := int64(0)
	rw.RLock()
	for _, amount := range bank {
		sum += amount
	}
	n := len(bank)
	rw.RUnlock()
	if n != accounts || sum != accounts*each {
		broken("%d accounts hold %d", n, sum)
	}
	time.Sleep(rest)
}

func visit(worker, i int) {
	for n := many(i) / 8; n > 0; n-- {
		p := place{int32(n & 15), int32(worker), words[n&31]}
		spots.Lock()
		v, ok := places[p]
		if ok && v[39] != v[0] {
			broken("a value is torn: %d and %d", v[0], v[39])
		}
		v[0]++
		v[39]++
		places[p] = v
		if len(places) > 40 {
			for k := range places {
				delete(places, k)
			}
		}
		spots.Unlock()
	}
	time.Sleep(rest)
}

// a map of nobody else, which grows, and goes to another goroutine in the end
func give(worker, i int) {
	m := map[uint64]int{}
	for n := 0; n < 200; n++ {
		m[scramble(uint64(n))] = n
	}
	select {
	case handed <- m:
	case <-time.After(time.Second):
	}
	time.Sleep(4 * rest)
}

func take(worker, i int) {
	select {
	case m := <-handed:
		for n := 0; n < 200; n++ {
			if v, ok := m[scramble(uint64(n))]; !ok || v != n {
				broken("entry %d handed over is %d", n, v)
			}
		}
		if len(m) != 200 {
			broken("%d entries handed over", len(m))
		}
	case <-time.After(time.Second):
	}
	time.Sleep(rest)
}

func gauge() {
	m := map[int]int{}
	for i := 0; i < 64; i++ {
		m[i] = i
	}
	for {
		from := time.Now()
		for i := 0; i < 1000; i++ {
			keep(m[i&63])
		}
		took := time.Since(from).Nanoseconds() // of a thousand operations: picoseconds of one
		if was := least.Load(); was == 0 || took < was {
			least.Store(took)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func asked() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	for s := range signals {
		if s == syscall.SIGUSR1 {
			fmt.Println("gauge", least.Swap(0))
		} else if len(os.Args) > 3 {
			err := syscall.Exec(os.Args[3], os.Args[3:], os.Environ())
			broken("%s: %v", os.Args[3], err)
		}
	}
}

func main() {
	if len(os.Args) > 2 {
		if d, err := time.ParseDuration(os.Args[2]); err == nil {
			rest = d
		}
	}
	for i := 0; i < accounts; i++ {
		bank[i] = each
	}
	go asked()
	go gauge()
	crew(2, book)
	crew(1, transfer)
	crew(2, audit)
	crew(2, visit)
	crew(1, give)
	crew(1, take)
	wait(func() error {
		sum := 0
		for _, n := range books {
			sum += n
		}
		if sum != put {
			return fmt.Errorf("the books say %d, not %d", sum, put)
		}
		return nil
	})
}
