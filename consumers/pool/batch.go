package pool

import (
	"bytes"

	"github.com/stampede-bench/stampede/consumers/group"
)

// SameKey reports whether two records of a shard have one key and one assignment. Two keys
// may have one hash.
func SameKey(a, b group.Task) bool {
	return a.Assignment == b.Assignment && bytes.Equal(a.Record.Key, b.Record.Key)
}

// EachRun cuts a batch where same reports false for two neighbours, and calls do for each
// piece.
func EachRun(batch []group.Task, same func(a, b group.Task) bool, do func([]group.Task)) {
	for from := 0; from < len(batch); {
		to := from + 1
		for to < len(batch) && same(batch[from], batch[to]) {
			to++
		}
		do(batch[from:to])
		from = to
	}
}
