// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same server. A sync.RWMutex guards the sessions.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
)

var (
	mu       sync.RWMutex
	sessions = map[string]int{}
)

//go:noinline
func login(w http.ResponseWriter, r *http.Request) {
	user := r.URL.Query().Get("user")
	mu.Lock()
	sessions[user]++
	mu.Unlock()
	fmt.Fprintln(w, "welcome")
}

//go:noinline
func whoami(w http.ResponseWriter, r *http.Request) {
	user := r.URL.Query().Get("user")
	mu.RLock()
	n := sessions[user]
	mu.RUnlock()
	fmt.Fprintln(w, n)
}

func get(url string) {
	response, err := http.Get(url)
	if err != nil {
		return
	}
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/login", login)
	http.HandleFunc("/whoami", whoami)
	go http.Serve(listener, nil)
	url := "http://" + listener.Addr().String()
	serve(
		func(turn int) { get(url + "/login?user=" + strconv.Itoa(turn%100)) },
		func(turn int) { get(url + "/login?user=" + strconv.Itoa(turn%70)) },
		func(turn int) { get(url + "/whoami?user=" + strconv.Itoa(turn%50)) },
	)
}
