// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A page is made of a map by text/template while the feed writes it.
package main

import (
	"io"
	"strconv"
	"sync"
	"text/template"
)

var page = template.Must(template.New("page").Parse("{{range $name, $value := .}}{{$name}}={{$value}}\n{{end}}"))

type board struct {
	mu    sync.RWMutex
	rates map[string]int
}

//go:noinline
func (b *board) feed(name string, rate int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rates[name] = rate
}

//go:noinline
func (b *board) render(w io.Writer) error {
	return page.Execute(w, b.rates)
}

func main() {
	b := &board{rates: map[string]int{}}
	serve(
		func(turn int) { b.feed("rate "+strconv.Itoa(turn%20), turn) },
		func(int) { b.render(io.Discard) },
	)
}
