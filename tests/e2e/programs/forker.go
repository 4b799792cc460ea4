// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// forker MILLISECONDS [TIMES]: forks without an execve, TIMES one after the other; each child uses a map from its first moment on, for
// that long. A child has one thread, and must not do what the scheduler would want another one for.
package main

import (
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

var m = map[int]int{}

func child(ms int) {
	pause := syscall.Timespec{Nsec: 1000000}
	for i := 0; i < ms; i++ {
		m[i&63] = i
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&pause)), 0, 0)
	}
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
}

func main() {
	ms, _ := strconv.Atoi(os.Args[1])
	times := 1
	if len(os.Args) > 2 {
		times, _ = strconv.Atoi(os.Args[2])
	}
	for i := range [64]int{} { // it grows no more
		m[i] = i
	}
	for ; times > 0; times-- {
		pid, _, err := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
		if err != 0 {
			panic(err)
		}
		if pid == 0 {
			child(ms)
		}
		println("child", pid)
		var status syscall.WaitStatus
		for {
			got, err := syscall.Wait4(int(pid), &status, syscall.WNOHANG, nil)
			if err == nil && got == int(pid) {
				break
			}
			m[0]++
			time.Sleep(time.Millisecond)
		}
		if !status.Exited() || status.ExitStatus() != 0 {
			println("child ended with", status)
			os.Exit(1)
		}
	}
}
