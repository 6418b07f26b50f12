package txn

import (
	"context"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Kgo aborts the transaction after a rebalance in which an eager member had no partitions, and
// does not call again when the batch becomes another member's. So the batch before the
// abort is refused. Members of other protocols refuse nothing.
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
