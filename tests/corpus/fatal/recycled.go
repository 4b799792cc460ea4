// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Each write is made by a goroutine of its own, without a lock. As it ends, a bystander takes its place in the runtime's memory,
// which never touches the map.
// WRONG bystander|owner bystander|short bystander
package main

import (
	"sync"
	"time"
)

var (
	m    = map[int]int{}
	sink [64]int
)

//go:noinline
func short(i int) { m[i&63] = i }

//go:noinline
func bystander(i int) { sink[i&63] += i }

//go:noinline
func owner(i int) { m[64+i&63] = i }

func pause(d time.Duration) {
	for t := time.Now(); time.Since(t) < d; {
	}
}

func spawn_short(i int, wg *sync.WaitGroup) {
	go func() {
		short(i)
		wg.Done()
	}()
}

func spawn_bystander(i int, wg *sync.WaitGroup) {
	go func() {
		bystander(i)
		pause(5 * time.Microsecond)
		wg.Done()
	}()
}

func spawn_owner() {
	go func() {
		for i := 0; ; i++ {
			owner(i)
			pause(3 * time.Microsecond)
		}
	}()
}

func main() {
	var wg sync.WaitGroup
	spawn_owner()
	time.Sleep(300 * time.Millisecond)
	for i, end := 0, time.Now().Add(20*time.Second); time.Now().Before(end); i++ {
		wg.Add(1)
		spawn_short(i, &wg)
		wg.Wait()
		wg.Add(1)
		spawn_bystander(i, &wg)
		wg.Wait()
	}
}
