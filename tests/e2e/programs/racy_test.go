// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A test that passes, of code that races: for go test -exec.
package racy

import (
	"sync"
	"testing"
	"time"
)

var m = map[string]int{"a": 1}

func TestRacy(t *testing.T) {
	var done sync.WaitGroup
	end := time.Now().Add(20 * time.Second)
	done.Add(2)
	go func() {
		defer done.Done()
		for time.Now().Before(end) {
			m["a"]++
			time.Sleep(700 * time.Microsecond)
		}
	}()
	go func() {
		defer done.Done()
		for time.Now().Before(end) {
			_ = m["a"]
			time.Sleep(1100 * time.Microsecond)
		}
	}()
	done.Wait()
}
