// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// One of its threads is in uninterruptible sleep for as long as its child lives: a clone(2) that waits as vfork(2) does.
// Says "child PID" and "ready".
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		hour := syscall.Timespec{Sec: 3600}
		pid, _, _ := syscall.RawSyscall6(syscall.SYS_CLONE, syscall.CLONE_VFORK|uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
		if pid == 0 {
			for {
				syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&hour)), 0, 0)
			}
		}
		fmt.Println("the child has ended")
	}()
	for {
		tasks, _ := os.ReadDir("/proc/self/task")
		for _, t := range tasks {
			status, _ := os.ReadFile("/proc/self/task/" + t.Name() + "/status")
			if strings.Contains(string(status), "State:\tD") {
				children, _ := os.ReadFile("/proc/self/task/" + t.Name() + "/children")
				fmt.Printf("child %s\nready\n", strings.TrimSpace(string(children)))
				<-end
				fmt.Println("ok 1 operations")
				return
			}
		}
		time.Sleep(time.Millisecond)
	}
}
