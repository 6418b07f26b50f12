package mutants

import (
	"maps"
	"slices"
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in faust-streaming 312.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-commits-past-first-gap",
	Doc:         "Commits the end of the first run of completed offsets, and does not look whether that run begins at the commit before.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("poison-key", oracle.CheckPrematureCommit),
	MayFail: append([]harness.Allowance{
		{Check: oracle.CheckCommitRegression, Why: "once the gap is closed, its record is the first run"},
		{Check: oracle.CheckStalledCommit, Why: "a later run is not committed while there is an earlier one"},
	}, afterRebalance...),
	New: changeKeyed(commitFirstRun),
})

func commitFirstRun(p *keyedPod) {
	var completed completedOffsets
	p.Options.Hooks.Offset = func(a *group.Assignment) (kgo.EpochOffset, bool) {
		next, ok := completed.removeFirstRun(a)
		return kgo.EpochOffset{Epoch: -1, Offset: next}, ok
	}
	p.NewWorker = retryAndNote(completed.add)
}

// completedOffsets are completed and not committed. Safe for concurrent use.
type completedOffsets struct {
	mu sync.Mutex
	of map[*group.Assignment]map[int64]bool
}

func (c *completedOffsets) add(t group.Task) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[*group.Assignment]map[int64]bool{}
	}
	if c.of[t.Assignment] == nil {
		c.of[t.Assignment] = map[int64]bool{}
	}
	c.of[t.Assignment][t.Record.Offset] = true
}

// removeFirstRun removes the lowest offsets without a gap, and returns the offset after them.
func (c *completedOffsets) removeFirstRun(a *group.Assignment) (next int64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, offset := range slices.Sorted(maps.Keys(c.of[a])) {
		if ok && offset != next {
			break
		}
		delete(c.of[a], offset)
		next, ok = offset+1, true
	}
	return next, ok
}

// remove removes an offset, and reports whether it was there.
func (c *completedOffsets) remove(a *group.Assignment, offset int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	there := c.of[a][offset]
	delete(c.of[a], offset)
	return there
}
