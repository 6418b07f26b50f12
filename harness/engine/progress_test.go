package engine

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// Work in a side topic reduces the work in flight of the source partition of its key. It
// completes no record of the source.
func TestProgressCountsWorkInSideTopics(t *testing.T) {
	const partitions, key = 4, 7
	from := load.PartitionOf(key, partitions)
	l := newWorkProgress(nil, partitions)
	effect := func(topic uint16, partition int32, offset int64) {
		s := ledger.NewSlot(ledger.KindAttempt, 1).With(ledger.OutcomeEffect)
		s.SetPosition(ledger.Position{Topic: topic, Partition: partition, Offset: offset})
		s.SetRecord(&ledger.Identity{Key: key})
		s.SetEnd(int64(10 * time.Millisecond))
		l.countSlot(&s)
	}
	effect(0, int32(from), 0)
	effect(1, 9, 5)
	effect(2, 9, 5)
	now := l.readProgress()
	if now.completed[from] != 1 || now.inSide[from] != 2 || now.total != 3 || now.mean != 10*time.Millisecond {
		t.Errorf("%+v", now)
	}
	if end := l.lastEndOf(1); end != int64(10*time.Millisecond) || l.lastEndOf(2) != 0 {
		t.Errorf("the last effect of owner 1 ends at %d, that of owner 2 at %d", end, l.lastEndOf(2))
	}
	appended := make([]int64, partitions)
	appended[from] = 13
	if got := now.workInFlight(appended, []int32{int32(from)}, 2); got != 50*time.Millisecond {
		t.Errorf("%v in flight, want 10 records of 10 ms for two workers", got)
	}
	if now.allCompleted(appended) {
		t.Error("an effect in a side topic completes no record of the source")
	}
}
