// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// racer [SECONDS]: two goroutines use a map without order, milliseconds apart, for so long (20). "anew N" in place of the time: N lives
// in which one alone does for a moment, each executed by the one before, then the program as it is without arguments.
package main

import (
	"os"
	"strconv"
	"syscall"
	"time"
)

var m = map[string]int{"a": 1}

func main() {
	seconds := 20
	if len(os.Args) > 2 && os.Args[1] == "anew" {
		for i := 0; i < 50; i++ {
			m["a"]++
			time.Sleep(time.Millisecond)
		}
		args := os.Args[:1]
		if lives, _ := strconv.Atoi(os.Args[2]); lives > 1 {
			args = []string{os.Args[0], "anew", strconv.Itoa(lives - 1)}
		}
		panic(syscall.Exec(os.Args[0], args, os.Environ()))
	}
	if len(os.Args) > 1 {
		seconds, _ = strconv.Atoi(os.Args[1])
	}
	go func() {
		for {
			m["a"]++
			time.Sleep(1700 * time.Microsecond)
		}
	}()
	for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); {
		_ = m["a"]
		time.Sleep(2300 * time.Microsecond)
	}
}
