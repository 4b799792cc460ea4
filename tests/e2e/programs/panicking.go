// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Panics of every kind, each so often, and says before it ends what it has done, a line for each place and type:
//
//	expect KIND TYPE FUNCTION COUNT OUTCOMES RECOVERED-IN
//
// usage: panicking all [ROUNDS]          everything that is survived; 1 to begin with, more for counts that are large
//        panicking wait SECONDS          the same once it gets SIGUSR1, which comes by then
//        panicking clean SECONDS         defers and recovers, and never panics
//        panicking storm SECONDS [HZ]    recovered panics, as many a second (as many as it can); says how many it did in all, and in
//                                        a second of CPU time in the second half of the time
//        panicking WAY                   dies: string, error, nil, again, instead, deferred
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

type code int

type trouble struct {
	a, b int
	what string
}

func (t *trouble) Error() string { return t.what }

var (
	failure = errors.New("it failed")
	none    *trouble
	five    = []int{1, 2, 3, 4, 5}
	nothing map[string]int
	zero    int
	six     = 6
	thing   interface{} = "a string"
	sink    int
)

//go:noinline
func says() { panic("just so") }

//go:noinline
func fails() { panic(failure) }

//go:noinline
func wraps() { panic(fmt.Errorf("wrapped: %w", failure)) }

//go:noinline
func numbered() { panic(code(7)) }

//go:noinline
func structured() { panic(&trouble{1, 2, "trouble"}) }

//go:noinline
func byValue() { panic(trouble{1, 2, "trouble"}) }

//go:noinline
func dereferences() { sink = none.b }

//go:noinline
func indexes() { sink = five[six] }

//go:noinline
func slices() { sink = len(five[six:]) }

//go:noinline
func divides() { sink = six / zero }

//go:noinline
func asserts() { sink = thing.(int) }

//go:noinline
func writesNil() { nothing["key"] = 1 }

//go:noinline
func closesTwice() {
	c := make(chan int)
	close(c)
	close(c)
}

//go:noinline
func sendsClosed() {
	c := make(chan int, 1)
	close(c)
	c <- 1
}

//go:noinline
func closesNil() {
	var c chan int
	close(c)
}

// try recovers what f panics with.
//
//go:noinline
func try(f func()) {
	defer func() { recover() }()
	f()
}

// tryTwo has a deferred call more than it needs, behind the one that recovers.
//
//go:noinline
func tryTwo(f func()) {
	defer func() { sink++ }()
	defer func() { recover() }()
	f()
}

// tryLoop defers in a loop, so that no defer is open-coded.
//
//go:noinline
func tryLoop(f func()) {
	for i := 0; i < 2; i++ {
		defer func() { recover() }()
	}
	f()
}

//go:noinline
func deep(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	deep(n-1, f)
	sink++
}

// again recovers and panics with the same value.
//
//go:noinline
func again() {
	defer func() { raise(recover()) }()
	says()
}

//go:noinline
func raise(v interface{}) { panic(v) }

// instead panics with another value while the first is under way.
//
//go:noinline
func instead() {
	defer func() { fails() }()
	indexes()
}

// inside panics and recovers in a deferred function, while its own panic is under way.
//
//go:noinline
func inside() {
	defer func() { try(divides) }()
	says()
}

// thrice: each deferred function panics anew.
//
//go:noinline
func thrice() {
	defer func() { fails() }()
	defer func() { numbered() }()
	says()
}

// quits ends its goroutine.
//
//go:noinline
func quits() { runtime.Goexit() }

// quitsPanicking ends its goroutine in a deferred function.
//
//go:noinline
func quitsPanicking() {
	defer func() { quits() }()
	says()
}

// quitsAndPanics: the deferred function of a goroutine that ends panics, and recovers.
//
//go:noinline
func quitsAndPanics() {
	defer func() { try(fails) }()
	quits()
}

// quitsAnyway: a panic of a deferred function is recovered further out, and the goroutine ends all the same.
//
//go:noinline
func quitsAnyway() {
	defer func() { recover() }()
	quitsInside()
}

//go:noinline
func quitsInside() {
	defer func() { fails() }()
	quits()
}

// grows has its stack copied between its panic and the end of that.
//
//go:noinline
func grows() {
	defer func() { sink += large(64) }()
	says()
}

//go:noinline
func large(n int) int {
	var room [1024]byte
	if n == 0 {
		return int(room[0])
	}
	room[n] = byte(n)
	return large(n-1) + int(room[n])
}

// ---- what is expected ----

type outcomes struct{ recovered, repanicked, replaced, goexit, died int }

type place struct{ kind, value, function string }

type row struct {
	outcomes
	in map[string]bool
}

var expected = map[place]*row{}

func expect(kind, value, function string, o outcomes, in string) {
	p := place{kind, value, "main." + function}
	if expected[p] == nil {
		expected[p] = &row{in: map[string]bool{}}
	}
	r := expected[p]
	r.recovered += o.recovered
	r.repanicked += o.repanicked
	r.replaced += o.replaced
	r.goexit += o.goexit
	r.died += o.died
	if o.recovered > 0 {
		r.in["main."+in] = true
	}
}

func tell() {
	var lines []string
	for p, r := range expected {
		count := r.recovered + r.repanicked + r.replaced + r.goexit + r.died
		var in []string
		for name := range r.in {
			in = append(in, name)
		}
		sort.Strings(in)
		lines = append(lines, fmt.Sprintf("expect %s %s %s %d %d/%d/%d/%d/%d %s", p.kind, p.value, p.function, count,
			r.recovered, r.repanicked, r.replaced, r.goexit, r.died, strings.Join(in, ",")))
	}
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Println(line)
	}
}

// ended runs f on a goroutine of its own that ends in it.
func ended(f func()) {
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		f()
	}()
	done.Wait()
}

const str = "string"
const errorString = "*errors.errorString"

func all(rounds int) {
	recovered := outcomes{recovered: 1}
	single := []struct {
		f                     func()
		kind, value, function string
	}{
		{says, "explicit", str, "says"},
		{fails, "explicit", errorString, "fails"},
		{wraps, "explicit", "*fmt.wrapError", "wraps"},
		{numbered, "explicit", "main.code", "numbered"},
		{structured, "explicit", "*main.trouble", "structured"},
		{byValue, "explicit", "main.trouble", "byValue"},
		{dereferences, "fault", "runtime.errorString", "dereferences"},
		{indexes, "runtime", "runtime.boundsError", "indexes"},
		{slices, "runtime", "runtime.boundsError", "slices"},
		{divides, "runtime", "runtime.runtimeError", "divides"},
		{asserts, "runtime", "*runtime.TypeAssertionError", "asserts"},
		{writesNil, "runtime", "runtime.plainError", "writesNil"},
		{closesTwice, "runtime", "runtime.plainError", "closesTwice"},
		{sendsClosed, "runtime", "runtime.plainError", "sendsClosed"},
		{closesNil, "runtime", "runtime.plainError", "closesNil"},
	}
	for i := 0; i < rounds; i++ {
		for n, one := range single {
			value := one.value
			if value == "runtime.runtimeError" {
				value = "runtime.errorString"
			}
			for k := 0; k <= n; k++ {
				try(one.f)
				expect(one.kind, value, one.function, recovered, "try")
			}
		}
		tryTwo(wraps)
		expect("explicit", "*fmt.wrapError", "wraps", recovered, "tryTwo")
		tryLoop(structured)
		expect("explicit", "*main.trouble", "structured", recovered, "tryLoop")
		try(func() { deep(50, asserts) })
		expect("runtime", "*runtime.TypeAssertionError", "asserts", recovered, "try")

		try(again)
		expect("explicit", str, "says", outcomes{repanicked: 1}, "")
		expect("explicit", str, "raise", recovered, "try")
		try(instead)
		expect("runtime", "runtime.boundsError", "indexes", outcomes{replaced: 1}, "")
		expect("explicit", errorString, "fails", recovered, "try")
		try(inside)
		expect("runtime", "runtime.errorString", "divides", recovered, "try")
		expect("explicit", str, "says", recovered, "try")
		tryTwo(thrice)
		expect("explicit", str, "says", outcomes{replaced: 1}, "")
		expect("explicit", "main.code", "numbered", outcomes{replaced: 1}, "")
		expect("explicit", errorString, "fails", recovered, "tryTwo")
		ended(func() { try(grows) })
		expect("explicit", str, "says", recovered, "try")

		ended(quits)
		expect("goexit", "-", "quits", outcomes{goexit: 1}, "")
		ended(quitsPanicking)
		expect("goexit", "-", "quits", outcomes{goexit: 1}, "")
		expect("explicit", str, "says", outcomes{goexit: 1}, "")
		ended(quitsAndPanics)
		expect("goexit", "-", "quits", outcomes{goexit: 1}, "")
		expect("explicit", errorString, "fails", recovered, "try")
		ended(quitsAnyway)
		expect("goexit", "-", "quits", outcomes{goexit: 1}, "")
		expect("explicit", errorString, "fails", recovered, "quitsAnyway")

		many(64, 5)
	}
}

// many goroutines at a time.
func many(n, times int) {
	var done sync.WaitGroup
	for i := 0; i < n; i++ {
		done.Add(1)
		go func() {
			defer done.Done()
			for k := 0; k < times; k++ {
				tryTwo(byValue)
				try(again)
				runtime.Gosched()
			}
		}()
	}
	done.Wait()
	expect("explicit", "main.trouble", "byValue", outcomes{recovered: n * times}, "tryTwo")
	expect("explicit", str, "says", outcomes{repanicked: n * times}, "")
	expect("explicit", str, "raise", outcomes{recovered: n * times}, "try")
}

func clean(seconds float64) {
	until := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	held := map[int]int{}
	for i := 0; time.Now().Before(until); i++ {
		try(func() { held[i%100]++ })
		tryLoop(func() { sink++ })
		if i%1000 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// used is the CPU time of the process, in seconds.
func used() float64 {
	var all syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &all); err != nil {
		os.Exit(4)
	}
	return float64(all.Utime.Nano()+all.Stime.Nano()) / 1e9
}

// storm: on two goroutines, hz panics a second together; 0: as many as there can be.
func storm(seconds, hz float64) {
	var done sync.WaitGroup
	var counts, before [2]int
	var cpu float64
	began := time.Now()
	for g := range counts {
		done.Add(1)
		go func(g int) {
			defer done.Done()
			work := 0
			for {
				for k := 0; k < 100; k++ {
					try(fails)
					for w := 0; w < 2000; w++ {
						work += w
					}
				}
				sink += work & 1
				counts[g] += 100
				since := time.Since(began).Seconds()
				if since < seconds/2 {
					before[g] = counts[g]
					if g == 0 {
						cpu = used()
					}
				}
				if since > seconds {
					return
				}
				if ahead := float64(2*counts[g])/hz - since; hz > 0 && ahead > 0 {
					time.Sleep(time.Duration(ahead * float64(time.Second)))
				}
			}
		}(g)
	}
	done.Wait()
	fmt.Println("panics", counts[0]+counts[1])
	fmt.Println("later", int(float64(counts[0]+counts[1]-before[0]-before[1])/(used()-cpu)))
}

func dies(way string) {
	switch way {
	case "string":
		says()
	case "error":
		fails()
	case "nil":
		dereferences()
	case "again":
		again()
	case "instead":
		instead()
	case "deferred":
		inside()
	}
}

func number(i int, or float64) float64 {
	if len(os.Args) <= i {
		return or
	}
	n, err := strconv.ParseFloat(os.Args[i], 64)
	if err != nil {
		panic(err)
	}
	return n
}

func main() {
	if len(os.Args) < 2 {
		os.Exit(2)
	}
	fmt.Println("ready")
	switch os.Args[1] {
	case "all":
		all(int(number(2, 1)))
		tell()
	case "wait":
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGUSR1)
		select {
		case <-asked:
			all(1)
			tell()
		case <-time.After(time.Duration(number(2, 1)) * time.Second):
			os.Exit(3)
		}
	case "clean":
		clean(number(2, 1))
	case "storm":
		storm(number(2, 1), number(3, 0))
	default:
		dies(os.Args[1])
	}
	fmt.Println("ok 1 operations")
}
