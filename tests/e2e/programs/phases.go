// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Built with programs of which each goroutine comes once in a period, at a time of its own in it.
package main

import (
	"syscall"
	"time"
)

const period = 2 * time.Millisecond

var began = time.Now()

func rest(phase time.Duration) {
	left := syscall.NsecToTimespec(int64(period - (time.Since(began)+phase)%period))
	_ = syscall.Nanosleep(&left, nil)
}
