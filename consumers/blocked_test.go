package consumers

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestBlockedBy(t *testing.T) {
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
			m := &member{window: newWindow(tt.size, tt.size-1, 1), owned: map[partition]*assignment{}}
			for p := range tt.partitions {
				m.owned[partition{"t", int32(p)}] = newAssignment(context.Background(), m.window)
			}
			a := m.owned[partition{"t", 0}]
			var records []*kgo.Record
			for o := range tt.records {
				records = append(records, &kgo.Record{Offset: int64(o)})
			}
			tasks := a.take(records, nil)
			if tt.partitions > 1 {
				m.window.take(tt.size - tt.records) // of the others
			}
			for _, seq := range tt.finished {
				a.start(seq)
				a.finish(seq, true)
			}
			if tt.closed {
				a.close()
			}
			if got := m.blockedBy(tasks[0]); got != tt.want {
				t.Errorf("blocked by the first: %v, want %v", got, tt.want)
			}
			if m.blockedBy(tasks[1]) {
				t.Error("blocked by the second, and the first is not finished")
			}
		})
	}
}
