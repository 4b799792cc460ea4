// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A small session service with a bug. Requests log users in and ask who they are; a cleaner drops sessions that have expired.
// The cleaner was written later, by somebody who did not see that the handlers have a lock: it takes one of its own.
//
// It sends itself requests: visitors come at the beginning of every beat of a few milliseconds, the cleaner a little later. So
// the accesses that nothing orders are about a millisecond apart, hardly ever at the same instant, and Go's own check stays
// silent for long, as with a bug that strikes once in a month.
//
// usage: service [SECONDS]      listens on a port of 127.0.0.1
package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type session struct {
	user    string
	expires time.Time
}

type sessionCache struct {
	mu       sync.Mutex
	sessions map[string]*session
	sweeping sync.Mutex
}

func (c *sessionCache) put(id string, s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions[id] = s
}

func (c *sessionCache) get(id string) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions[id]
}

// sweep drops what has expired.
func (c *sessionCache) sweep(now time.Time) {
	c.sweeping.Lock() // the bug: it should be mu
	defer c.sweeping.Unlock()
	for id, s := range c.sessions {
		if now.After(s.expires) {
			delete(c.sessions, id)
		}
	}
}

type service struct {
	cache    sessionCache
	requests atomic.Int64
	wrong    atomic.Int64
}

// serve answers the requests of one connection: "LOGIN user" and "WHOAMI id".
func (s *service) serve(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		verb, argument, _ := strings.Cut(lines.Text(), " ")
		fmt.Fprintln(conn, s.handle(verb, argument))
	}
}

func (s *service) handle(verb, argument string) string {
	switch verb {
	case "LOGIN":
		s.cache.put("id-"+argument, &session{argument, time.Now().Add(250 * time.Millisecond)})
		return "welcome " + argument
	case "WHOAMI":
		if found := s.cache.get(argument); found != nil {
			return "you are " + found.user
		}
		return "log in first"
	}
	return "what?"
}

func (s *service) clean() {
	for {
		nextBeat(750*time.Microsecond, 500*time.Microsecond)
		s.cache.sweep(time.Now())
	}
}

// visitor is one client: it logs in, then asks who it is.
func (s *service) visitor(address net.Addr, number int) {
	conn, err := net.Dial("tcp", address.String())
	if err != nil {
		panic(err)
	}
	answers := bufio.NewScanner(conn)
	for n := 0; ; n++ {
		user := "visitor-" + strconv.Itoa(number) + "-" + strconv.Itoa(n%3)
		s.ask(conn, answers, "LOGIN "+user, "welcome "+user)
		s.ask(conn, answers, "WHOAMI id-"+user, "you are "+user)
	}
}

func (s *service) ask(conn net.Conn, answers *bufio.Scanner, question, expected string) {
	nextBeat(0, 600*time.Microsecond)
	fmt.Fprintln(conn, question)
	if !answers.Scan() || answers.Text() != expected {
		s.wrong.Add(1)
	}
	s.requests.Add(1)
}

const beat = 4 * time.Millisecond

var began = time.Now()

// nextBeat sleeps to a random moment between from and from+within of the next beat. One that was missed is let go.
func nextBeat(from, within time.Duration) {
	for {
		now := time.Since(began)
		moment := now - now%beat + beat + from + time.Duration(rand.Int63n(int64(within)))
		time.Sleep(moment - now)
		if time.Since(began)-moment < 250*time.Microsecond {
			return
		}
	}
}

func main() {
	s := &service{cache: sessionCache{sessions: map[string]*session{}}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	go s.clean()
	for i := 0; i < 2; i++ {
		go s.visitor(listener.Addr(), i)
	}
	fmt.Println("ready on", listener.Addr())
	limit := time.Duration(1 << 62)
	if len(os.Args) > 1 {
		if seconds, err := strconv.Atoi(os.Args[1]); err == nil {
			limit = time.Duration(seconds) * time.Second
		}
	}
	time.Sleep(limit)
	fmt.Println("ok", s.requests.Load(), "requests,", s.wrong.Load(), "wrong answers")
}
