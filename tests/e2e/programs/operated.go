// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Maps of many kinds of keys after random operations, some in the middle of a growth: prints "map ADDR ENTRIES TYPE" of each, then
// "ready", and stands. For the campaign of tests/e2e/snapshots.sh: each of them is intact, but for those with a NaN.
//
//	operated SEED
package main

import (
	"maps"
	"unsafe"

	"fmt"
	"math"
	"math/rand"
	"os"
	"os/signal"
	"reflect"
	"runtime"
	"syscall"
)

type F struct {
	a float32
	b [2]float64
}
type S struct {
	a uint8
	s string
	_ int
	i interface{}
	c complex64
}
type Str interface{ String() string }
type N int

func (n N) String() string { return fmt.Sprint(int(n)) }

type P struct {
	p *int
	u uint16
}

func (p P) String() string { return "" }

type W [130]byte
type Z struct{}
type B3 [3]byte
type part struct {
	s string
	a int32
}
type nested struct {
	p    part
	b    int32
	list [7]part
	long [5]string
	fl   [9]float32
	fi   [2]F
	pp   [17]P
	i2   [3]interface{}
	cc   [1]complex64
}
type first struct {
	s string
	_ int
}
type fl2 struct {
	f float32
	_ [3]int
	g int32
	h int32
}
type E struct {
	Z
	x, y int32
	z    Z
}

var keep []interface{}

func tell(m interface{}) {
	keep = append(keep, m)
	v := reflect.ValueOf(m)
	fmt.Printf("map %#x %d %s\n", v.Pointer(), v.Len(), v.Type())
}

// torture makes random operations on a map.
func torture[K comparable, V any](r *rand.Rand, key func(i int) K, val V, n int) {
	var m map[K]V
	switch r.Intn(4) {
	case 0:
		m = map[K]V{}
	case 1:
		m = make(map[K]V, r.Intn(9))
	case 2:
		m = make(map[K]V, r.Intn(200))
	case 3:
		m = make(map[K]V, n)
	}
	ops := r.Intn(6 * n)
	span := 1 + r.Intn(n)
	mode := 0
	for i := 0; i < ops; i++ {
		if i%97 == 0 {
			mode = r.Intn(8)
		}
		k := key(r.Intn(span))
		switch {
		case mode < 4:
			m[k] = val
		case mode < 6:
			delete(m, k)
			delete(m, key(r.Intn(span)))
		case mode == 6:
			j := 0
			for q := range m {
				j++
				if j%3 == 0 {
					delete(m, q)
				}
				if j > 40 {
					break
				}
			}
			m[k] = val
			i += 5
		case mode == 7:
			if r.Intn(40) == 0 {
				for q := range m {
					delete(m, q)
				}
			} else if r.Intn(20) == 0 {
				m = maps.Clone(m)
			} else if r.Intn(30) == 0 {
				clear(m)
			}
			m[k] = val
			m[key(r.Intn(span))] = val
		}
	}
	if r.Intn(6) == 0 {
		m = maps.Clone(m)
	}
	tell(m)
}

func text(i int) string {
	switch i % 6 {
	case 0:
		return fmt.Sprintf("%0*d", i%9, i)
	case 1:
		return fmt.Sprint(i)
	case 2:
		return fmt.Sprintf("%024d", i)
	case 3:
		return fmt.Sprintf("%050d", i)
	case 4:
		return fmt.Sprintf("%0*d", 120+i%20, i)
	}
	return fmt.Sprintf("%0*d", 70+i%600, i)
}

func flt(i int) float64 {
	switch i {
	case 0:
		return 0
	case 1:
		return math.Copysign(0, -1)
	case 2:
		return math.Inf(1)
	case 3:
		return math.Inf(-1)
	}
	return float64(i) / 7
}

var where [5000]int

func anyKey(i int) interface{} {
	switch i % 14 {
	case 0:
		return i
	case 1:
		return text(i)
	case 2:
		return float32(flt(i / 14))
	case 3:
		return flt(i / 14)
	case 4:
		return N(i)
	case 5:
		return &where[i%5000]
	case 6:
		return F{float32(flt(i / 14)), [2]float64{flt(i % 5), 1}}
	case 7:
		return [1]*int{&where[i%5000]}
	case 8:
		return struct{}{}
	case 9:
		return S{a: uint8(i), s: text(i), i: N(i), c: complex(float32(i%3), 0)}
	case 10:
		return nil
	case 11:
		return uint8(i)
	case 12:
		return i%2 == 0
	}
	return complex(flt(i/14), -1)
}

func hdr(m interface{}) unsafe.Pointer { return unsafe.Pointer(reflect.ValueOf(m).Pointer()) }

// growing: a classic map has old buckets; a Swiss one a directory.
func growing(p unsafe.Pointer) bool { return *(*uint64)(unsafe.Pointer(uintptr(p) + 24)) != 0 }
func flags(p unsafe.Pointer) uint8  { return *(*uint8)(unsafe.Pointer(uintptr(p) + 8)) }

// grow leaves a classic map in the middle of a growth, to as many buckets in one case of three.
func grow[K comparable, V any](r *rand.Rand, key func(i int) K, val V, cl bool) {
	m := map[K]V{}
	n := 50 + r.Intn(4000)
	wantSame := r.Intn(3) == 0
	i := 0
	for ; i < n; i++ {
		m[key(i)] = val
		if r.Intn(9) == 0 {
			delete(m, key(r.Intn(i+1)))
		}
	}
	for tries := 0; tries < 60000; tries++ {
		p := hdr(m)
		if growing(p) && (!wantSame || flags(p)&8 != 0) {
			break
		}
		m[key(i)] = val
		i++
		if wantSame {
			delete(m, key(i-n))
			if r.Intn(3) == 0 {
				delete(m, key(r.Intn(i)))
			}
		}
	}
	for k := r.Intn(40); k > 0 && growing(hdr(m)); k-- {
		switch r.Intn(5) {
		case 0:
			delete(m, key(r.Intn(i)))
		case 1:
			for range m {
				break
			}
		case 2:
			c := 0
			for q := range m {
				if c++; c > 5 {
					break
				}
				m[q] = val
			}
		default:
			m[key(i)] = val
			i++
		}
	}
	if cl {
		tell(maps.Clone(m))
	}
	tell(m)
}

func main() {
	var seed int64
	fmt.Sscan(os.Args[1], &seed)
	runtime.GOMAXPROCS(2)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	r := rand.New(rand.NewSource(seed))
	for round := 0; round < 8; round++ {
		for _, n := range []int{7, 12, 60, 300, 4000} {
			torture(r, func(i int) int { return i }, 1, n)
			torture(r, func(i int) int32 { return int32(i) }, "x", n)
			torture(r, func(i int) uint8 { return uint8(i) }, struct{}{}, n)
			torture(r, func(i int) int16 { return int16(i) }, W{}, n)
			torture(r, text, 1, n)
			torture(r, text, W{}, n)
			torture(r, flt, 1, n)
			torture(r, func(i int) float32 { return float32(flt(i)) }, byte(1), n)
			torture(r, func(i int) complex64 { return complex(float32(flt(i)), float32(flt(i%5))) }, 1, n)
			torture(r, func(i int) complex128 { return complex(flt(i%6), flt(i)) }, 1, n)
			torture(r, func(i int) F { return F{float32(flt(i % 7)), [2]float64{flt(i), flt(i % 3)}} }, 1, n)
			torture(r, func(i int) S { return S{a: uint8(i), s: text(i), i: anyKey(i), c: complex(float32(flt(i%4)), 1)} }, 1, n)
			torture(r, anyKey, 1, n)
			torture(r, func(i int) Str {
				if i == 3 {
					return nil
				}
				if i%2 == 0 {
					return P{&where[i%5000], uint16(i)}
				}
				return N(i)
			}, 1, n)
			torture(r, func(i int) P { return P{&where[i%5000], uint16(i)} }, 1, n)
			torture(r, func(i int) W { return W{byte(i), 1: byte(i >> 8)} }, W{}, n)
			torture(r, func(i int) *int { return &where[i%5000] }, 1, n)
			torture(r, func(i int) Z { return Z{} }, 1, n)
			torture(r, func(i int) [0]int { return [0]int{} }, Z{}, n)
			torture(r, func(i int) B3 { return B3{byte(i), byte(i >> 8)} }, [3]byte{}, n)
			torture(r, func(i int) E { return E{x: int32(i), y: 3} }, 1, n)
			torture(r, func(i int) [2]string { return [2]string{text(i), text(i + 1)} }, 1, n)
			torture(r, func(i int) [2]interface{} { return [2]interface{}{anyKey(i), i} }, 1, n)
			torture(r, func(i int) (k nested) {
				k.p, k.b, k.list[i%7].s, k.list[6].a, k.long[i%5] = part{text(i), 5}, int32(i), text(i+1), 6, "z"
				k.fl[i%9] = float32(flt(i))
				k.fi[1].b[1] = flt(i)
				k.pp[i%17].u = uint16(i)
				k.i2[i%3] = anyKey(i)
				return k
			}, 1, n)
			torture(r, func(i int) fl2 { return fl2{f: float32(flt(i)), g: int32(i)} }, 1, n)
			torture(r, func(i int) first { return first{s: text(i)} }, 1, n)
			torture(r, func(i int) [3]part { return [3]part{{text(i), 1}, {text(i + 1), int32(i)}} }, 1, n)
			torture(r, func(i int) [9]P { return [9]P{{nil, uint16(i)}, {&where[i%5000], 3}} }, 1, n)
			torture(r, func(i int) [1]first { return [1]first{{s: text(i)}} }, 1, n)
			torture(r, func(i int) struct{ a [1]struct{ f float64 } } {
				var x struct{ a [1]struct{ f float64 } }
				x.a[0].f = flt(i)
				return x
			}, 1, n)
			torture(r, func(i int) struct{ _ int } { var x struct{ _ int }; return x }, 1, n)
			torture(r, func(i int) chan int { return nil }, 1, n)
			torture(r, func(i int) bool { return i%2 == 0 }, 1, n)
			torture(r, func(i int) [5]int32 { return [5]int32{int32(i)} }, 1, n)
			torture(r, func(i int) struct {
				a int32
				b byte
				c int64
				d float32
				e uint16
				f uint16
			} {
				return struct {
					a int32
					b byte
					c int64
					d float32
					e uint16
					f uint16
				}{int32(i), 1, 2, float32(flt(i % 3)), uint16(i), 9}
			}, 1, n)
			torture(r, func(i int) [4]struct {
				a uint8
				s string
			} {
				var x [4]struct {
					a uint8
					s string
				}
				x[1].a = uint8(i)
				x[2].s = text(i)
				return x
			}, 1, n)
			torture(r, func(i int) float64 {
				if i%5 == 0 {
					return math.NaN()
				}
				return flt(i)
			}, 1, n)
			torture(r, func(i int) interface{} {
				if i%5 == 0 {
					return math.NaN()
				}
				return anyKey(i)
			}, 1, n)
		}
	}
	for i := 0; i < 20; i++ {
		copied := i%4 == 0
		grow(r, func(i int) int { return i }, 1, copied)
		grow(r, func(i int) string { return fmt.Sprint(i, "x") }, 1, copied)
		grow(r, func(i int) W { return W{byte(i), byte(i >> 8), byte(i >> 16)} }, W{}, copied)
		grow(r, func(i int) float64 {
			if i%50 == 3 {
				return math.NaN()
			}
			return float64(i) - 7
		}, 1, copied)
	}
	fmt.Println("ready")
	<-end
	fmt.Printf("ok %d operations\n", len(keep))
}
