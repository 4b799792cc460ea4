// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// racer [SECONDS]: two goroutines use a map without order, milliseconds apart, for so long (20).
package main

import (
	"os"
	"strconv"
	"time"
)

var m = map[string]int{"a": 1}

func main() {
	seconds := 20
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
