// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// A table of tests that run in parallel; each notes in one map that it was there.
package main

import (
	"sort"
	"strings"
	"testing"
)

var table = map[string]string{"b a": "a b", "c b a": "a b c", "a": "a", "": ""}

func sorted(words string) string {
	all := strings.Fields(words)
	sort.Strings(all)
	return strings.Join(all, " ")
}

//go:noinline
func note(seen map[string]bool, name string) { seen[name] = true }

func testTable(t *testing.T) {
	serve(func(int) {
		t.Run("sorted", func(t *testing.T) {
			seen := map[string]bool{}
			for in, want := range table {
				in, want := in, want
				t.Run(in, func(t *testing.T) {
					t.Parallel()
					note(seen, in)
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
