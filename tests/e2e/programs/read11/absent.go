// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Dies of "its own check" (runtime.fatal is called) with a message in a page that never comes (userfaultfd; FUSE does the same
// to who is not root). Argument: after so long.
package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

var m = map[int]int{}

//go:linkname fatal runtime.fatal
func fatal(string)

//go:noinline
func put(i int) { m[i&15] = i }

func absent() string {
	fd, _, e := syscall.Syscall(323, syscall.O_CLOEXEC, 0, 0)
	if e != 0 {
		panic(e)
	}
	api := [3]uint64{0xaa}
	if _, _, e = syscall.Syscall(syscall.SYS_IOCTL, fd, 0xc018aa3f, uintptr(unsafe.Pointer(&api))); e != 0 {
		panic(e)
	}
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		panic(err)
	}
	at := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(page))))
	register := [4]uint64{at, 4096, 1}
	if _, _, e = syscall.Syscall(syscall.SYS_IOCTL, fd, 0xc020aa00, uintptr(unsafe.Pointer(&register))); e != 0 {
		panic(e)
	}
	return unsafe.String(unsafe.SliceData(page), 21)
}

func main() {
	after, _ := time.ParseDuration(os.Args[1])
	text := absent()
	go func() {
		for i := 0; ; i++ {
			put(i)
			time.Sleep(time.Millisecond)
		}
	}()
	fmt.Println("ready")
	time.Sleep(after)
	fatal(text)
}
