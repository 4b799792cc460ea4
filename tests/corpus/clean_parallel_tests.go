// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// The same table, whose notes have a lock.
package main

import (
	"sort"
	"strings"
	"sync"
	"testing"
)

var table = map[string]string{"b a": "a b", "c b a": "a b c", "a": "a", "": ""}

func sorted(words string) string {
	all := strings.Fields(words)
	sort.Strings(all)
	return strings.Join(all, " ")
}

type notes struct {
	mu   sync.Mutex
	seen map[string]bool
}

//go:noinline
func (n *notes) note(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen[name] = true
}

func testTable(t *testing.T) {
	serve(func(int) {
		t.Run("sorted", func(t *testing.T) {
			n := &notes{seen: map[string]bool{}}
			for in, want := range table {
				in, want := in, want
				t.Run(in, func(t *testing.T) {
					t.Parallel()
					n.note(in)
					if sorted(in) != want {
						t.Error(in)
					}
				})
			}
		})
	})
}

func main() {
	testing.Main(func(string, string) (bool, error) { return true, nil },
		[]testing.InternalTest{{Name: "TestTable", F: testTable}}, nil, nil)
}
