// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A file system that can stop to answer, as that of a server that is gone: one file, `program`, whose every read comes here.
//
//	slowfs DIR FILE NAME    mounts it at DIR, with what is in FILE
//
// After SIGUSR1 reads of threads with that name wait, until SIGUSR2; each says "held". None waits for longer than 20 s: a thread that
// reads a page of the file to place a probe has a lock of the kernel that each fork of the machine wants, also that of who is to send
// SIGUSR2. It is unmounted at SIGTERM; when it is killed, reads fail.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// include/uapi/linux/fuse.h
const (
	opLookup      = 1
	opForget      = 2
	opGetattr     = 3
	opOpen        = 14
	opRead        = 15
	opRelease     = 18
	opFlush       = 25
	opInit        = 26
	opInterrupt   = 36
	opBatchForget = 42
	headerIn      = 40
	headerOut     = 16
	directIO      = 1
	root          = 1
	file          = 2
)

var (
	le      = binary.LittleEndian
	content []byte
	fd      int
	mu      sync.Mutex
	slow    bool
	held    []func()
)

func answer(unique uint64, errno syscall.Errno, body []byte) {
	b := make([]byte, headerOut, headerOut+len(body))
	le.PutUint32(b, uint32(headerOut+len(body)))
	le.PutUint32(b[4:], uint32(-int32(errno)))
	le.PutUint64(b[8:], unique)
	_, _ = syscall.Write(fd, append(b, body...))
}

func attr(node uint64) []byte {
	b := make([]byte, 88)
	mode := uint32(syscall.S_IFREG | 0o755)
	if node == root {
		mode = syscall.S_IFDIR | 0o755
	} else {
		le.PutUint64(b[8:], uint64(len(content)))
		le.PutUint64(b[16:], uint64(len(content)+511)/512)
	}
	le.PutUint64(b, node)
	le.PutUint32(b[60:], mode)
	le.PutUint32(b[64:], 1)
	le.PutUint32(b[80:], 4096)
	return b
}

func named(pid uint32) bool {
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return string(comm) == os.Args[3]+"\n"
}

func read(unique uint64, pid uint32, body []byte) {
	from, size := le.Uint64(body[8:]), uint64(le.Uint32(body[16:]))
	end := uint64(len(content))
	if from > end {
		from = end
	}
	if from+size < end {
		end = from + size
	}
	give := func() { answer(unique, 0, content[from:end]) }
	mu.Lock()
	defer mu.Unlock()
	if !slow || !named(pid) {
		give()
		return
	}
	if len(held) == 0 {
		time.AfterFunc(20*time.Second, release)
	}
	held = append(held, give)
	fmt.Println("held")
}

func release() {
	mu.Lock()
	defer mu.Unlock()
	for _, give := range held {
		give()
	}
	held = nil
}

func serve(b []byte) {
	op, unique, node, body := le.Uint32(b[4:]), le.Uint64(b[8:]), le.Uint64(b[16:]), b[headerIn:]
	const valid = 3600
	switch op {
	case opInit:
		out := make([]byte, 64)
		le.PutUint32(out, 7)
		le.PutUint32(out[4:], 31)
		le.PutUint32(out[20:], 65536)
		le.PutUint32(out[24:], 1)
		answer(unique, 0, out)
	case opLookup:
		if string(body) != "program\x00" {
			answer(unique, syscall.ENOENT, nil)
			return
		}
		out := make([]byte, 40)
		le.PutUint64(out, file)
		le.PutUint64(out[16:], valid)
		le.PutUint64(out[24:], valid)
		answer(unique, 0, append(out, attr(file)...))
	case opGetattr:
		out := make([]byte, 16)
		le.PutUint64(out, valid)
		answer(unique, 0, append(out, attr(node)...))
	case opOpen:
		out := make([]byte, 16)
		le.PutUint32(out[8:], directIO)
		answer(unique, 0, out)
	case opRead:
		read(unique, le.Uint32(b[32:]), body)
	case opRelease, opFlush:
		answer(unique, 0, nil)
	case opForget, opBatchForget, opInterrupt:
	default:
		answer(unique, syscall.ENOSYS, nil)
	}
}

func obey(dir string) {
	told := make(chan os.Signal, 4)
	signal.Notify(told, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM)
	for s := range told {
		mu.Lock()
		slow = s == syscall.SIGUSR1
		mu.Unlock()
		release()
		if s == syscall.SIGTERM {
			_ = syscall.Unmount(dir, syscall.MNT_DETACH)
			os.Exit(0)
		}
	}
}

func main() {
	var err error
	if content, err = os.ReadFile(os.Args[2]); err == nil {
		fd, err = syscall.Open("/dev/fuse", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	}
	if err == nil {
		err = syscall.Mount("slowfs", os.Args[1], "fuse", 0,
			fmt.Sprintf("fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", fd))
	}
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	go obey(os.Args[1])
	fmt.Println("ready")
	for b := make([]byte, 1<<17); ; {
		n, err := syscall.Read(fd, b)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n < headerIn {
			return
		}
		serve(append([]byte(nil), b[:n]...))
	}
}
