// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A real net/http server on loopback. The tracing middleware puts one map of tags, the service's own,
// into each request's context, and every request adds to it.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
)

type tagsKey struct{}

var serviceTags = map[string]string{"service": "cart"}

func traced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tags := r.Context().Value(tagsKey{})
		if tags == nil {
			r = r.WithContext(context.WithValue(r.Context(), tagsKey{}, serviceTags))
		}
		next.ServeHTTP(w, r)
	})
}

//go:noinline
func tag(r *http.Request, name, value string) {
	r.Context().Value(tagsKey{}).(map[string]string)[name] = value
}

func show(w http.ResponseWriter, r *http.Request) {
	tag(r, "path", r.URL.Path)
	tag(r, "agent", r.UserAgent())
	fmt.Fprintln(w, "ok")
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
	go http.Serve(listener, traced(http.HandlerFunc(show)))
	url := "http://" + listener.Addr().String() + "/cart"
	client := func(int) { get(url) }
	serve(client, client, client)
}
