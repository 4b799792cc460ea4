// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A race whose two sides use the map once in so many microseconds each, with jitter, for so many seconds.
//
//	rare MICROSECONDS SECONDS
package main

import (
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"time"
)

var table = map[int]int{}

// short waits spin: a timer is not that exact
func wait(period time.Duration, random *rand.Rand) {
	period = period/2 + time.Duration(random.Int63n(int64(period)))
	if period > 200*time.Microsecond {
		time.Sleep(period)
		return
	}
	for end := time.Now().Add(period); time.Now().Before(end); {
	}
}

func main() {
	microseconds, _ := strconv.Atoi(os.Args[1])
	seconds, _ := strconv.Atoi(os.Args[2])
	period := time.Duration(microseconds) * time.Microsecond
	go func() {
		random := rand.New(rand.NewSource(time.Now().UnixNano()))
		for n := 0; ; n++ {
			table[n%64] = n
			wait(period, random)
		}
	}()
	go func() {
		random := rand.New(rand.NewSource(-time.Now().UnixNano()))
		for sum, n := 0, 0; ; n++ {
			sum += table[n%64]
			wait(period, random)
		}
	}()
	fmt.Println("ready")
	time.Sleep(time.Duration(seconds) * time.Second)
}
