// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Makes its own code writable, as programs do that patch their functions, and leaves it so: the kernel puts no new breakpoint there.
// Two goroutines use a map meanwhile, without order, a millisecond apart.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

var carts = map[string]int{}

func open() error {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var lo, hi uintptr
		if line := lines.Text(); strings.Contains(line, "r-xp") && strings.HasSuffix(line, self) {
			if _, err := fmt.Sscanf(line, "%x-%x", &lo, &hi); err != nil {
				return err
			}
			code := *(*[]byte)(unsafe.Pointer(&[3]uintptr{lo, hi - lo, hi - lo}))
			return syscall.Mprotect(code, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC)
		}
	}
	return fmt.Errorf("no code")
}

func main() {
	runtime.GOMAXPROCS(4)
	if err := open(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() {
		for i := 0; ; i++ {
			rest(0)
			carts["a"] = i
		}
	}()
	go func() {
		for {
			rest(period / 2)
			_ = carts["a"]
		}
	}()
	fmt.Println("ready")
	time.Sleep(30 * time.Second)
}
