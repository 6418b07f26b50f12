package group

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestOnlyTheLowestRecordBlocksTheWindow(t *testing.T) {
	for name, tt := range map[string]struct {
		size, records int
		finished      []uint64
		closed        bool
		partitions    int
		want          bool
	}{
		"most above is finished":                {size: 8, records: 8, finished: []uint64{1, 2, 4, 6, 7}, partitions: 1, want: true},
		"half is":                               {size: 8, records: 8, finished: []uint64{1, 2, 4, 7}, partitions: 1},
		"there is room":                         {size: 16, records: 8, finished: []uint64{1, 2, 3, 4, 5, 6, 7}, partitions: 1},
		"the partition's given back":            {size: 8, records: 8, finished: []uint64{1, 2, 3, 4, 5, 6, 7}, closed: true, partitions: 1},
		"it holds less than half an even share": {size: 16, records: 3, finished: []uint64{1, 2}, partitions: 2},
		"it holds half an even share":           {size: 8, records: 3, finished: []uint64{1, 2}, partitions: 2, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			m := &Member{window: NewWindow(tt.size, tt.size-1, 1), assignments: Assignments{}}
			for p := range tt.partitions {
				m.assignments[TopicPartition{"t", int32(p)}] = NewAssignment(context.Background(), TopicPartition{}, "", m.window)
			}
			a := m.assignments[TopicPartition{"t", 0}]
			var records []*kgo.Record
			for o := range tt.records {
				records = append(records, &kgo.Record{Offset: int64(o)})
			}
			tasks := a.Accept(records, nil)
			if tt.partitions > 1 {
				m.window.Reserve(tt.size - tt.records) // of the others
			}
			for _, seq := range tt.finished {
				a.startRecord(seq)
				a.finishRecord(seq, true)
			}
			if tt.closed {
				a.stopAtNewest()
			}
			if got := m.BlockedBy(tasks[0]); got != tt.want {
				t.Errorf("blocked by the first: %v, want %v", got, tt.want)
			}
			if m.BlockedBy(tasks[1]) {
				t.Error("blocked by the second, and the first is not finished")
			}
		})
	}
}
