// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A service over HTTP, and clients that measure what they see of it. For tests/e2e/snapshots.sh.
//
//	echo serve                 says "ready ADDR"
//	echo ask ADDR CLIENTS      asks until SIGTERM; then "ok N operations", "errors N" and "longest NANOSECONDS"
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	mutex sync.Mutex
	seen  = map[string]int{}
)

func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("map %p 0 map[string]int\n", seen)
	fmt.Println("ready", listener.Addr())
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		seen[r.URL.Path]++
		n := seen[r.URL.Path]
		mutex.Unlock()
		fmt.Fprintln(w, n)
	})))
}

func main() {
	if os.Args[1] == "serve" {
		serve()
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	clients, _ := strconv.Atoi(os.Args[3])
	var count, errors, longest int64
	for i := 0; i < clients; i++ {
		i := i
		go func() {
			client := http.Client{Transport: &http.Transport{}}
			for k := 0; ; k++ {
				began := time.Now()
				answer, err := client.Get(fmt.Sprintf("http://%s/%d/%d", os.Args[2], i, k%5000))
				if err == nil {
					_, err = io.Copy(io.Discard, answer.Body)
					answer.Body.Close()
				}
				took := int64(time.Since(began))
				for {
					old := atomic.LoadInt64(&longest)
					if took <= old || atomic.CompareAndSwapInt64(&longest, old, took) {
						break
					}
				}
				atomic.AddInt64(&count, 1)
				if err != nil {
					atomic.AddInt64(&errors, 1)
				}
				time.Sleep(time.Millisecond)
			}
		}()
	}
	fmt.Println("ready")
	<-end
	fmt.Printf("errors %d\nlongest %d\nok %d operations\n", atomic.LoadInt64(&errors), atomic.LoadInt64(&longest), atomic.LoadInt64(&count))
}
