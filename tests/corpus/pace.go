// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// How often the services of the corpus do what they do. Each is built with this file, and started as
//
//	PROGRAM RATE SECONDS
//
// tight: without a pause; 1ms, 100ms: with pauses around that long, drawn anew each time; fresh: around
// 5 ms, some 200 turns a second, for those that work on a new map each time; once: each activity a
// single time, at a moment of the run that is the same for all but for a millisecond.
package main

import (
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"sync"
	"time"
)

var (
	rate    = "1ms"
	seconds = 20
)

func init() {
	if len(os.Args) > 1 {
		rate = os.Args[1]
	}
	if len(os.Args) > 2 {
		seconds, _ = strconv.Atoi(os.Args[2])
	}
	rand.Seed(time.Now().UnixNano())
}

// around draws a duration between half of d and one and a half.
func around(d time.Duration) time.Duration {
	return d/2 + time.Duration(rand.Int63n(int64(d)))
}

// pause lies between two turns of an activity.
func pause() {
	switch rate {
	case "tight":
	case "1ms":
		time.Sleep(around(time.Millisecond))
	case "fresh":
		time.Sleep(around(5 * time.Millisecond))
	default:
		time.Sleep(around(100 * time.Millisecond))
	}
}

// serve runs the activities of a service, each in a goroutine of its own, until the time is over.
// Each is told how often it was called before.
func serve(activities ...func(turn int)) {
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	moment := time.Duration(seconds)*time.Second/4 + time.Duration(rand.Int63n(int64(seconds)*int64(time.Second)/2))
	var all sync.WaitGroup
	for _, activity := range activities {
		activity := activity
		all.Add(1)
		go func() {
			defer all.Done()
			if rate == "once" {
				time.Sleep(moment + time.Duration(rand.Int63n(int64(time.Millisecond))))
				activity(0)
				return
			}
			for turn := 0; time.Now().Before(end); turn++ {
				activity(turn)
				pause()
			}
		}()
	}
	fmt.Println("ready")
	all.Wait()
	time.Sleep(time.Until(end))
}
