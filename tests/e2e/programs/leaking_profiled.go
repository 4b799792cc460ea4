// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// WITH leaking.go
// As a service that serves its profiles, so that the linker leaves them on.
package main

import (
	"os"
	"runtime/pprof"
)

func init() {
	if os.Getenv("HEAP_PROFILE") != "" {
		pprof.WriteHeapProfile(os.Stdout)
	}
}
