// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// leaser FILE: holds a lease on a file of its own and does not let go when the kernel asks for it, which it tells: who opens the file
// waits.
package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGIO)
	f, err := os.OpenFile(os.Args[1], os.O_RDWR, 0)
	if err != nil {
		panic(err)
	}
	const setLease, writeLease = 1024, 1
	if _, _, e := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), setLease, writeLease); e != 0 {
		panic(e)
	}
	println("ready")
	go func() {
		for range asked {
			println("asked")
		}
	}()
	time.Sleep(20 * time.Second)
}
