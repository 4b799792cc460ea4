// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A service that keeps what it should forget, and allocates much beside that it does forget.
//
// usage: leaking MEGABYTES_PER_SECOND [MOST_MEGABYTES [SECONDS [FILE]]]
//
// It begins when FILE is there.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

const piece = 64 << 10

type session struct{ data []byte }

var (
	sessions []*session
	scratch  []byte
	requests = map[int]int{}
)

//go:noinline
func remember() {
	s := &session{data: make([]byte, piece)}
	for i := 0; i < len(s.data); i += 4096 {
		s.data[i] = 1
	}
	sessions = append(sessions, s)
}

//go:noinline
func forget() {
	scratch = make([]byte, piece/2)
	scratch[0] = 1
}

//go:noinline
func handler(c chan int) {
	<-c
}

func argument(i, other int) int {
	if len(os.Args) <= i {
		return other
	}
	n, err := strconv.Atoi(os.Args[i])
	if err != nil {
		panic(err)
	}
	return n
}

func main() {
	speed, most, seconds := argument(1, 10), argument(2, 0), argument(3, 60)
	c := make(chan int)
	for i := 0; i < 20; i++ {
		go handler(c)
	}
	fmt.Println("ready")
	if len(os.Args) > 4 {
		for _, err := os.Stat(os.Args[4]); err != nil; _, err = os.Stat(os.Args[4]) {
			time.Sleep(50 * time.Millisecond)
		}
	}
	each := time.Second * piece / time.Duration(speed<<20)
	began := time.Now()
	for n := 0; time.Since(began) < time.Duration(seconds)*time.Second; n++ {
		if ahead := time.Duration(n)*each - time.Since(began); ahead > 0 {
			time.Sleep(ahead)
		}
		requests[n%16]++
		if most == 0 || len(sessions)*piece < most<<20 {
			remember()
		}
		forget()
	}
	fmt.Println("done")
}
