// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same settings. The timer writes into a copy, and then replaces the pointer.
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
	old := current.Load().(map[string]string)
	fresh := make(map[string]string, len(old))
	for name, value := range old {
		fresh[name] = value
	}
	fresh["token"] = fmt.Sprint("token-", turn)
	current.Store(fresh)
}

func main() {
	current.Store(map[string]string{"token": "", "region": "eu", "limit": "100"})
	serve(
		func(int) { setting("region") },
		func(int) { setting("token") },
		refresh,
	)
}
