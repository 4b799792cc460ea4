// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// mapped FILE FILE TIMES: maps them by turns, as if they were code, and uses no map.
package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

func main() {
	times, err := strconv.Atoi(os.Args[3])
	for i := 0; err == nil && i < times; i++ {
		var f *os.File
		if f, err = os.Open(os.Args[1+i%2]); err == nil {
			_, _, e := syscall.Syscall6(syscall.SYS_MMAP, 0, 4096, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_PRIVATE, f.Fd(), 0)
			_ = f.Close()
			if e != 0 {
				err = e
			}
		}
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	time.Sleep(time.Minute)
}
