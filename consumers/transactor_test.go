package consumers

import (
	"context"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Kgo aborts the transaction behind a rebalance in which an eager member had nothing to
// lose, and says nothing when the batch becomes another's: none is worked on before
// the abort. Other members lose nothing by that.
func TestEagerMemberWithoutPartitionsRefusesOneBatch(t *testing.T) {
	for _, p := range harness.Protocols {
		var work countingWork
		m := &transactor{cfg: harness.Config{Protocol: p, Workers: 1}, work: &work}
		m.taken(nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := m.transform(ctx, cancel, []*kgo.Record{{Key: []byte("k")}})
		cancel()
		if eager := p == harness.Eager; done == eager || (work.done.Load() == 0) != eager {
			t.Errorf("%s: done %t, after %d calls of the work", p, done, work.done.Load())
		}
	}
}
