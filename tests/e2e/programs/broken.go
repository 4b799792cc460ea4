// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Maps that were broken on purpose, through unsafe, one in each way that is named: prints "map ADDR ENTRIES TYPE" of each, then
// "ready", and stands. For tests/e2e/snapshot.sh, which knows what maprace is to say of each way:
//
//	both designs: none count key pointer length torn element stuck absent
//	Swiss:        control strange tombstone twin directory growth small writer
//	classic:      tophash twin loop evacuated moved ended
package main

import (
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"unsafe"
)

var (
	ints  map[int]int
	texts map[string]int
	keep  []interface{}
	swiss = strings.Compare(runtime.Version(), "go1.24") >= 0
)

func at(p unsafe.Pointer, offset uintptr) unsafe.Pointer { return unsafe.Pointer(uintptr(p) + offset) }
func word(p unsafe.Pointer, offset uintptr) *uint64      { return (*uint64)(at(p, offset)) }
func octet(p unsafe.Pointer, offset uintptr) *uint8      { return (*uint8)(at(p, offset)) }
func half(p unsafe.Pointer, offset uintptr) *uint16      { return (*uint16)(at(p, offset)) }
func follow(p unsafe.Pointer, offset uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(at(p, offset))
}

func header(m interface{}) unsafe.Pointer { return unsafe.Pointer(reflect.ValueOf(m).Pointer()) }

// A full slot of the first table (or bucket) that has one followed by an empty one.
type place struct {
	table, group unsafe.Pointer
	full, empty  uintptr
}

func tableOf(m unsafe.Pointer) unsafe.Pointer { return follow(follow(m, 16), 0) }

func swissPlace(m unsafe.Pointer, slot uintptr) place {
	table := tableOf(m)
	for g := uintptr(0); g <= uintptr(*word(table, 24)); g++ {
		p := place{table: table, group: at(follow(table, 16), g*(8+8*slot)), full: 8, empty: 8}
		for i := uintptr(0); i < 8; i++ {
			if *octet(p.group, i) < 0x80 {
				p.full = i
			} else if *octet(p.group, i) == 0x80 {
				p.empty = i
			}
		}
		if p.full < 8 && p.empty < 8 {
			return p
		}
	}
	panic("no such group")
}

func breakSwiss(how string, m unsafe.Pointer) {
	p := swissPlace(m, 16)
	slot := func(i uintptr) uintptr { return 8 + 16*i }
	switch how {
	case "key":
		*word(p.group, slot(p.full)) ^= 1 << 40
	case "control":
		*octet(p.group, p.full) ^= 1
	case "strange":
		*octet(p.group, p.empty) = 0x81
	case "tombstone":
		*octet(p.group, p.full) = 0xfe
	case "twin":
		*octet(p.group, p.empty) = *octet(p.group, p.full)
		*word(p.group, slot(p.empty)) = *word(p.group, slot(p.full))
		*half(p.table, 0)++
		*half(p.table, 4)--
		*word(m, 0)++
	case "directory":
		dir := follow(m, 16)
		*(*unsafe.Pointer)(at(dir, 8)) = follow(dir, 0)
	case "growth":
		*half(p.table, 4)++
	}
}

func bucketOf(m unsafe.Pointer, i uintptr) unsafe.Pointer { return at(follow(m, 16), i*bucketSize) }

const bucketSize = 8 + 8*8 + 8*8 + 8

func classicPlace(m unsafe.Pointer) place {
	for i := uintptr(0); i < 1<<*octet(m, 9); i++ {
		p := place{group: bucketOf(m, i), full: 8, empty: 8}
		for k := uintptr(0); k < 8; k++ {
			if *octet(p.group, k) >= 5 {
				p.full = k
			} else if *octet(p.group, k) == 0 && p.empty == 8 {
				p.empty = k
			}
		}
		if p.full < 7 && p.empty < 7 && p.full > 0 {
			return p
		}
	}
	panic("no such bucket")
}

func breakClassic(how string, m unsafe.Pointer) {
	p := classicPlace(m)
	key := func(i uintptr) uintptr { return 8 + 8*i }
	switch how {
	case "key":
		*word(p.group, key(p.full)) ^= 1 << 40
	case "tophash":
		*octet(p.group, p.full) ^= 0x80
		if *octet(p.group, p.full) < 5 { // these have meanings of their own
			*octet(p.group, p.full) ^= 0x40
		}
	case "twin":
		*octet(p.group, p.empty) = *octet(p.group, p.full)
		*word(p.group, key(p.empty)) = *word(p.group, key(p.full))
		*word(m, 0)++
	case "loop":
		*(*unsafe.Pointer)(at(p.group, bucketSize-8)) = p.group
	case "ended":
		*octet(p.group, 0) = 0
	case "moved":
		*octet(p.group, 0) = 2
	}
}

// grow leaves the map in the middle of a growth, and says that a bucket was moved which was not.
func grow(m unsafe.Pointer) {
	for i := 1000; follow(m, 24) == nil; i++ {
		ints[i] = i
	}
	for i := 0; i < 5; i++ {
		ints[i] = i
	}
	*word(m, 32) = 1 << (*octet(m, 9) - 1)
}

func writingAt() uintptr {
	if swiss {
		return 34
	}
	return 8
}

func writing() uint8 {
	if swiss {
		return 1
	}
	return 4
}

// absent is the address of a page that does not come: nobody answers for it (userfaultfd(2)).
func absent() uintptr {
	const register, api, missing = 0xc020aa00, 0xc018aa3f, 1
	page, _, e := syscall.Syscall6(syscall.SYS_MMAP, 0, 1<<16, 3, syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
	fd, _, e2 := syscall.Syscall(323, syscall.O_CLOEXEC, 0, 0)
	if e != 0 || e2 != 0 {
		panic("no userfaultfd")
	}
	hello := [3]uint64{0xaa, 0, 0}
	syscall.Syscall(syscall.SYS_IOCTL, fd, api, uintptr(unsafe.Pointer(&hello)))
	all := [4]uint64{uint64(page), 1 << 16, missing, 0}
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, fd, register, uintptr(unsafe.Pointer(&all))); e != 0 {
		panic(e)
	}
	return page
}

func breakOne(how string) {
	ints, texts = map[int]int{}, map[string]int{}
	keep = append(keep, ints, texts)
	for i := 0; i < 1000; i++ {
		ints[i] = i
		texts[fmt.Sprint(i)] = i
	}
	m := header(ints)
	var told interface{} = ints
	switch how {
	case "none":
	case "count":
		*word(m, 0)++
	case "stuck": // the mark of a writer, whom there is not
		*octet(m, writingAt()) |= writing()
	case "writer":
		*octet(m, writingAt()) = 0xff
	case "element":
		far := map[int][200]byte{}
		for i := 0; i < 1000; i++ {
			far[i] = [200]byte{}
		}
		told = far
		m = header(far)
		if p := (place{}); swiss {
			p = swissPlace(m, 16)
			*word(p.group, 8+16*p.full+8) = 0x10
		} else {
			p = classicPlace(m)
			*word(p.group, 8+8*8+8*p.full) = 0x10
		}
	case "pointer", "length", "torn", "absent":
		told = texts
		m = header(texts)
		where := at(classicOrSwiss(m), 0)
		switch how {
		case "pointer":
			*word(where, 0) = 0x10
		case "length":
			*word(where, 8) = 1 << 60
		case "torn":
			*word(where, 8) = 1 << 38
		case "absent":
			*word(where, 0) = uint64(absent())
		}
	case "evacuated":
		grow(m)
	case "small":
		small := map[int]int{1: 1, 2: 2, 3: 3, 4: 4, 5: 5}
		told = small
		m = header(small)
		*octet(follow(m, 16), 2) ^= 3
	default:
		if swiss {
			breakSwiss(how, m)
		} else {
			breakClassic(how, m)
		}
	}
	v := reflect.ValueOf(told)
	fmt.Printf("map %#x %d %s\n", v.Pointer(), v.Len(), v.Type())
	keep = append(keep, told)
}

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGUSR1)
	debug.SetGCPercent(-1)
	for _, how := range os.Args[1:] {
		breakOne(how)
	}
	fmt.Println("ready")
	if <-end == syscall.SIGUSR1 { // dies of Go's own check, inside the map that was broken last
		*octet(header(texts), writingAt()) |= writing()
		texts["last"] = 1
	}
	fmt.Println("ok 1 operations")
}

// classicOrSwiss is where a full slot of a map[string]int has its key.
func classicOrSwiss(m unsafe.Pointer) unsafe.Pointer {
	if swiss {
		p := swissPlace(m, 24)
		return at(p.group, 8+24*p.full)
	}
	const size = 8 + 8*16 + 8*8 + 8
	for i := uintptr(0); ; i++ {
		b := at(follow(m, 16), i*size)
		if *octet(b, 0) >= 5 {
			return at(b, 8)
		}
	}
}
