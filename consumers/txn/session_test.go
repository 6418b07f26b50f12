package txn

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
		calls := 0
		s := &Session{cfg: harness.Config{Protocol: p}}
		s.onTaken(nil)
		ctx, cancel := context.WithCancel(t.Context())
		_, ok := s.runTransform(ctx, cancel, func(context.Context) ([]*kgo.Record, bool) {
			calls++
			return nil, true
		})
		cancel()
		if eager := p == harness.Eager; ok == eager || (calls == 0) != eager {
			t.Errorf("%s: ok %t, after %d calls of transform", p, ok, calls)
		}
	}
}
