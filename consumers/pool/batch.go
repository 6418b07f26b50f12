package pool

import (
	"bytes"

	"github.com/stampede-bench/stampede/consumers/group"
)

// SameKey reports whether two records of a shard may be in one call: they are of
// one key, which those of one hash need not be, and of one assignment, so that what
// ends the work on one ends it on the other.
func SameKey(a, b group.Task) bool {
	return a.Assignment == b.Assignment && bytes.Equal(a.Record.Key, b.Record.Key)
}

// EachRun calls take for the records of a turn, as many together as may be.
func EachRun(turn []group.Task, together func(a, b group.Task) bool, take func([]group.Task)) {
	for from := 0; from < len(turn); {
		to := from + 1
		for to < len(turn) && together(turn[from], turn[to]) {
			to++
		}
		take(turn[from:to])
		from = to
	}
}
