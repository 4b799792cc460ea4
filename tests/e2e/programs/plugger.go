// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// CGO

// Loads a plugin and starts it: plugger PLUGIN [remove | chroot DIR]. With remove the file is removed when it is loaded; with
// chroot it is loaded from below that folder, which is the root from then on. The program itself uses maps with a lock.
package main

import (
	"fmt"
	"os"
	"plugin"
	"sync"
	"syscall"
	"time"
)

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) > 3 && os.Args[2] == "chroot" {
		must(syscall.Chroot(os.Args[3]))
		must(os.Chdir("/"))
	}
	p, err := plugin.Open(os.Args[1])
	must(err)
	start, err := p.Lookup("Start")
	must(err)
	if len(os.Args) > 2 && os.Args[2] == "remove" {
		must(os.Remove(os.Args[1]))
	}
	start.(func())()
	fmt.Println("ready")
	var mu sync.Mutex
	m := map[int]int{}
	for i := 0; ; i++ {
		mu.Lock()
		m[i%4] = i
		mu.Unlock()
		time.Sleep(10 * time.Millisecond)
	}
}
