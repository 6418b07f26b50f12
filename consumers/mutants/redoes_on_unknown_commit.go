package mutants

import (
	"sync"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-redoes-on-unknown-commit",
	Doc:         "Takes a commit without a response for one that was not made, and repeats the work since the commit before it.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: func(cfg harness.Config) int { return cfg.Workers + 1 }, // repeated work has no worker
	Mutant:      true,
	MustFail:    mustFailIn("dropped-responses", oracle.CheckUnexplainedDuplicate),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckOverlap, Why: "the workers go on with the same keys meanwhile"},
		{Check: oracle.CheckKeyInversion, Why: "repeated records come after later records of their key, in one assignment"},
		{Check: oracle.CheckRedeliveryOutOfOrder, Why: "repeated records step back"},
	},
	New: changeKeyed(redoAfterFailedCommit),
})

func redoAfterFailedCommit(p *keyedPod) {
	var since repeatList // since the last commit that was answered
	p.Options.ClientOptions = []kgo.Opt{kgo.RetryTimeoutFn(tryCommitOnce)}
	p.Options.Hooks.Committed = func(_ *group.Member, err error) {
		for _, repeat := range since.removeAll() {
			if err != nil {
				repeat()
			}
		}
	}
	p.NewWorker = func(_ *group.Member, work harness.Work) func([]group.Task) {
		return func(batch []group.Task) {
			for _, t := range batch {
				if !t.Start() {
					continue
				}
				ctx, r := t.Assignment.Context(), viewRecord(t.Record)
				err := pool.Retry(ctx, work, r)
				if err == nil {
					since.appendRepeat(func() { _ = pool.Retry(ctx, work, r) })
				}
				t.Finish(err == nil)
			}
		}
	}
}

// tryCommitOnce lets the client send a commit once: a retry would hide a dropped response.
func tryCommitOnce(key int16) time.Duration {
	if kmsg.Key(key) == kmsg.OffsetCommit {
		return time.Nanosecond
	}
	return time.Minute
}

// repeatList is work that may be repeated. The zero value is ready; safe for concurrent use.
type repeatList struct {
	mu      sync.Mutex
	repeats []func()
}

func (l *repeatList) appendRepeat(repeat func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.repeats = append(l.repeats, repeat)
}

func (l *repeatList) removeAll() []func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	repeats := l.repeats
	l.repeats = nil
	return repeats
}
