// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// An RPC server whose interceptors pass the call's metadata on. Calls without metadata of their own all get the
// server's default map, and the interceptors add to it.
package main

import "strconv"

type metadata map[string]string

type call struct {
	method string
	md     metadata
}

type handler func(*call) string

type interceptor func(*call, handler) string

var defaults = metadata{"version": "7"}

func chain(last handler, all ...interceptor) handler {
	for i := len(all) - 1; i >= 0; i-- {
		wrap, next := all[i], last
		last = func(c *call) string { return wrap(c, next) }
	}
	return last
}

//go:noinline
func withDefaults(c *call, next handler) string {
	if c.md == nil {
		c.md = defaults
	}
	return next(c)
}

//go:noinline
func traced(c *call, next handler) string {
	c.md["trace"] = c.method
	return next(c)
}

func main() {
	rpc := chain(func(c *call) string { return c.md["version"] }, withDefaults, traced)
	client := func(turn int) { rpc(&call{method: "get/" + strconv.Itoa(turn%10)}) }
	serve(client, client)
}
