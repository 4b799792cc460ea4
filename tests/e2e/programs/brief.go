// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// brief [STATUS [MILLISECONDS]]: uses a map from its first moment on, and ends: what a command starts by the dozen.
package main

import (
	"os"
	"strconv"
	"time"
)

func argument(i, missing int) int {
	if len(os.Args) <= i {
		return missing
	}
	n, _ := strconv.Atoi(os.Args[i])
	return n
}

func main() {
	m := map[string]int{}
	end := time.Now().Add(time.Duration(argument(2, 50)) * time.Millisecond)
	for m["n"]++; time.Now().Before(end); m["n"]++ {
		time.Sleep(time.Millisecond)
	}
	os.Exit(argument(1, 0))
}
