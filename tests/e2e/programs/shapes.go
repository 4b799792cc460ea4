// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Maps of every kind of key, with known contents: prints "map ADDR ENTRIES TYPE" of each, then "ready", and stands. For
// tests/e2e/snapshot.sh.
//
//	shapes [small]           each as it is; small: without the largest ones
//	shapes [small] load      and all of them used under locks, as fast as it goes, until SIGTERM
package main

import (
	"fmt"
	"math"
	"os"
	"os/signal"
	"reflect"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

type pair struct {
	a, b int32
	s    string
}

type plain struct {
	a int32
	b int64
}

type blank struct {
	a uint8
	_ uint32
	s string
	f float64
}

type stringer interface{ String() string }

type named int

func (n named) String() string { return fmt.Sprint(int(n)) }

type padded struct {
	p *int
	n uint16
}

type few struct {
	_    struct{}
	a, b int32
	c    struct{}
}

type part struct {
	s string
	a int32
}

type nested struct {
	p    part
	b    int32
	list [7]part
	long [5]string
}

type first struct {
	s string
	_ int
}

type large [200]byte

var keep []interface{}
var locks []*sync.Mutex
var turns []func(i int)

func text(i int) string {
	switch i % 5 {
	case 0:
		return ""
	case 1:
		return fmt.Sprint(i)
	case 2:
		return fmt.Sprintf("%024d", i)
	case 3:
		return fmt.Sprintf("%050d", i)
	}
	return fmt.Sprintf("%0*d", 70+i%300, i)
}

// tell says where a map is.
func tell(m interface{}) {
	keep = append(keep, m)
	v := reflect.ValueOf(m)
	fmt.Printf("map %#x %d %s\n", v.Pointer(), v.Len(), v.Type())
}

func each(n int, put func(i int), del func(i int)) {
	for i := 0; i < n; i++ {
		put(i)
	}
	for i := 0; i < n; i += 7 {
		del(i)
	}
	turns = append(turns, func(i int) {
		put(i % (2 * n))
		del((i + n/2) % (2 * n))
	})
	locks = append(locks, new(sync.Mutex))
}

func fill(n int) {
	ints := map[int]int{}
	each(n, func(i int) { ints[i] = -i }, func(i int) { delete(ints, i) })
	tell(ints)
	small := map[int32]string{}
	each(n, func(i int) { small[int32(i)] = "x" }, func(i int) { delete(small, int32(i)) })
	tell(small)
	strings := map[string]int{}
	each(n, func(i int) { strings[text(i)] = i }, func(i int) { delete(strings, text(i)) })
	tell(strings)
	bytes := map[uint8]bool{}
	each(n, func(i int) { bytes[uint8(i)] = true }, func(i int) { delete(bytes, uint8(i)) })
	tell(bytes)
	shorts := map[int16]struct{}{}
	each(n, func(i int) { shorts[int16(i)] = struct{}{} }, func(i int) { delete(shorts, int16(i)) })
	tell(shorts)
	floats := map[float64]int{}
	each(n, func(i int) { floats[float64(i)/3] = i }, func(i int) { delete(floats, float64(i)/3) })
	tell(floats)
	complexes := map[complex128]int8{}
	each(n, func(i int) { complexes[complex(float64(i), 0)] = 1 }, func(i int) { delete(complexes, complex(float64(i), 0)) })
	tell(complexes)
	pairs := map[pair]int{}
	each(n, func(i int) { pairs[pair{int32(i), 1, text(i)}] = i }, func(i int) { delete(pairs, pair{int32(i), 1, text(i)}) })
	tell(pairs)
	plains := map[plain]int{}
	each(n, func(i int) { plains[plain{int32(i), 1}] = i }, func(i int) { delete(plains, plain{int32(i), 1}) })
	tell(plains)
	blanks := map[blank]int{}
	each(n, func(i int) { blanks[blank{a: uint8(i), s: text(i), f: float64(i)}] = i },
		func(i int) { delete(blanks, blank{a: uint8(i), s: text(i), f: float64(i)}) })
	tell(blanks)
	arrays := map[[3]string]int{}
	each(n, func(i int) { arrays[[3]string{text(i), "", "y"}] = i }, func(i int) { delete(arrays, [3]string{text(i), "", "y"}) })
	tell(arrays)
	wide := map[[4]uint64]int{}
	each(n, func(i int) { wide[[4]uint64{1, uint64(i)}] = i }, func(i int) { delete(wide, [4]uint64{1, uint64(i)}) })
	tell(wide)
	any := map[interface{}]int{}
	key := func(i int) interface{} {
		switch i % 5 {
		case 0:
			return i
		case 1:
			return text(i)
		case 2:
			return float32(i)
		case 3:
			return pair{int32(i), 2, text(i)}
		}
		return named(i)
	}
	each(n, func(i int) { any[key(i)] = i }, func(i int) { delete(any, key(i)) })
	tell(any)
	strung := map[stringer]int{}
	each(n, func(i int) { strung[named(i)] = i }, func(i int) { delete(strung, named(i)) })
	tell(strung)
	larges := map[large]large{}
	put := func(i int) large { return large{byte(i), byte(i >> 8), 7} }
	each(n, func(i int) { larges[put(i)] = put(i) }, func(i int) { delete(larges, put(i)) })
	tell(larges)
	pointers := map[*int]int{}
	where := make([]int, 2*n)
	each(n, func(i int) { pointers[&where[i]] = i }, func(i int) { delete(pointers, &where[i]) })
	tell(pointers)
	padding := map[padded]int{}
	each(n, func(i int) { padding[padded{&where[i], uint16(i)}] = i }, func(i int) { delete(padding, padded{&where[i], uint16(i)}) })
	tell(padding)
	twos := map[few]int{}
	each(n, func(i int) { twos[few{a: int32(i), b: 3}] = i }, func(i int) { delete(twos, few{a: int32(i), b: 3}) })
	tell(twos)
	nests := map[nested]int{}
	nest := func(i int) (k nested) {
		k.p, k.b, k.list[i%7].s, k.list[6].a, k.long[i%5] = part{text(i), 5}, int32(i), text(i+1), 6, "z"
		return k
	}
	each(n, func(i int) { nests[nest(i)] = i }, func(i int) { delete(nests, nest(i)) })
	tell(nests)
	firsts := map[first]int{}
	each(n, func(i int) { firsts[first{s: text(i)}] = i }, func(i int) { delete(firsts, first{s: text(i)}) })
	tell(firsts)
	raw := map[unsafe.Pointer]int{}
	each(n, func(i int) { raw[unsafe.Pointer(&where[i])] = i }, func(i int) { delete(raw, unsafe.Pointer(&where[i])) })
	tell(raw)
}

func reflected(n int) {
	t := reflect.MapOf(reflect.TypeOf(named(0)), reflect.TypeOf(struct{ X, Y uint16 }{}))
	m := reflect.MakeMap(t)
	for i := 0; i < n; i++ {
		m.SetMapIndex(reflect.ValueOf(named(i)), reflect.Zero(t.Elem()))
	}
	tell(m.Interface())
}

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	fill(5)
	fill(300)
	if len(os.Args) < 2 || os.Args[1] != "small" {
		fill(20000)
	}
	nan := map[float64]int{1: 1, 2: 2, 3: 3, 4: 4, math.NaN(): 5}
	tell(nan)
	empty := map[string]string{}
	tell(empty)
	reflected(100)
	fmt.Println("ready")
	operations := 0
	if os.Args[len(os.Args)-1] == "load" {
		var all sync.WaitGroup
		stop := make(chan struct{})
		counts := make([]int, 4)
		for w := range counts {
			w := w
			all.Add(1)
			go func() {
				defer all.Done()
				for i := w; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					k := i % len(turns)
					locks[k].Lock()
					for j := 0; j < 20; j++ {
						turns[k](i*20 + j)
					}
					locks[k].Unlock()
					counts[w] += 20
				}
			}()
		}
		<-end
		close(stop)
		all.Wait()
		for _, n := range counts {
			operations += n
		}
	} else {
		<-end
		operations = 1
	}
	time.Sleep(0)
	fmt.Printf("ok %d operations\n", operations)
}
