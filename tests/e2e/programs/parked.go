// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// One lock orders reader and writer. A third goroutine writes without it: it stands in front of its key's page, which does not come
// (userfaultfd), since before anybody watches, and after some seconds inside, with the writing flag set, in front of another key's. The
// reader dies of that, right after the other writer.
// usage: parked SECONDS
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// Linux include/uapi/linux/userfaultfd.h
const (
	sysUserfaultfd = 323
	api            = 0xAA
	ioctlAPI       = 0xc018aa3f
	ioctlRegister  = 0xc020aa00
	ioctlCopy      = 0xc028aa03
	missing        = 1
	page           = 4096
)

var (
	mu sync.Mutex
	m  = map[string]int{}
)

//go:noinline
func innocent(i int) {
	mu.Lock()
	m["fixed"] = i
	mu.Unlock()
}

//go:noinline
func reader() int {
	mu.Lock()
	defer mu.Unlock()
	return m["fixed"]
}

//go:noinline
func culprit(key string) { m[key] = 7 }

func ioctl(fd, op uintptr, p unsafe.Pointer) {
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, fd, op, uintptr(p)); e != 0 {
		fmt.Println("ioctl", op, e)
		os.Exit(1)
	}
}

func str(b []byte) string { return *(*string)(unsafe.Pointer(&b)) }

func mapped(pages int) []byte {
	b, err := syscall.Mmap(-1, 0, pages*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	return b
}

// withhold: from now on no page of it comes.
func withhold(b []byte) (fd uintptr) {
	fd, _, e := syscall.Syscall(sysUserfaultfd, syscall.O_CLOEXEC, 0, 0)
	if e != 0 {
		panic(e)
	}
	hello := [3]uint64{api}
	ioctl(fd, ioctlAPI, unsafe.Pointer(&hello))
	all := [4]uint64{uint64(uintptr(unsafe.Pointer(&b[0]))), uint64(len(b)), missing}
	ioctl(fd, ioctlRegister, unsafe.Pointer(&all))
	if err := syscall.Madvise(b, syscall.MADV_DONTNEED); err != nil {
		panic(err)
	}
	return fd
}

func main() {
	debug.SetGCPercent(-1) // it would wait for whoever waits for a page
	runtime.GOMAXPROCS(6)
	seconds, _ := strconv.Atoi(os.Args[1])
	for i := 0; i < 40; i++ {
		m[strconv.Itoa(i)] = i
	}
	good := strings.Repeat("k", 78)
	keys, whole := mapped(2), mapped(1)
	copy(keys, good)
	copy(keys[page:], good)
	copy(whole, good)
	m[str(keys[page:page+len(good)])] = 1
	fd := withhold(keys)
	go culprit(str(keys[:len(good)]))
	time.Sleep(100 * time.Millisecond)
	fmt.Println("ready")
	stop := make(chan bool)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				stop <- true
				select {}
			default:
			}
			innocent(i)
			time.Sleep(300 * time.Microsecond)
		}
	}()
	for began := time.Now(); time.Since(began) < time.Duration(seconds)*time.Second; {
		reader()
		time.Sleep(500 * time.Microsecond)
	}
	stop <- true
	<-stop
	first := [5]uint64{uint64(uintptr(unsafe.Pointer(&keys[0]))), uint64(uintptr(unsafe.Pointer(&whole[0]))), page}
	ioctl(fd, ioctlCopy, unsafe.Pointer(&first))
	time.Sleep(20 * time.Millisecond)
	reader()
}
