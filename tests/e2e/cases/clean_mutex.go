// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// All operations under one Mutex.
package main

import (
	"fmt"
	"sync"
)

var (
	mu sync.Mutex
	m  = map[string]int{}
	n  int
)

func step(worker, i int) {
	k := words[i&15]
	mu.Lock()
	m[k]++
	n++
	if i%64 == 0 {
		n -= m[k]
		delete(m, k)
	}
	mu.Unlock()
}

func main() {
	crew(4, step)
	wait(func() error {
		sum := 0
		for _, v := range m {
			sum += v
		}
		if sum != n {
			return fmt.Errorf("the values' sum is %d, not %d", sum, n)
		}
		return nil
	})
}
