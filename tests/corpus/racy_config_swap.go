// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Settings that everybody reads and that are replaced by a pointer, as they should be; but the timer
// that refreshes one of them writes it into the map in place.
package main

import (
	"fmt"
	"sync/atomic"
)

var current atomic.Value // of map[string]string

//go:noinline
func setting(name string) string {
	return current.Load().(map[string]string)[name]
}

//go:noinline
func refresh(turn int) {
	current.Load().(map[string]string)["token"] = fmt.Sprint("token-", turn)
}

func main() {
	current.Store(map[string]string{"token": "", "region": "eu", "limit": "100"})
	serve(
		func(int) { setting("region") },
		func(int) { setting("token") },
		refresh,
	)
}
