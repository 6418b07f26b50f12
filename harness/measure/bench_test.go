package measure

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// BenchmarkObserve replays records at 10,000 a second with their sends, acks,
// attempts and a commit every 20 records: the time is per event.
func BenchmarkObserve(b *testing.B) {
	const records, partitions = 100_000, 12
	var way []record
	var commits []ledger.Event
	for i := range records {
		due := time.Duration(i) * 100 * time.Microsecond
		r := record{partition: int32(i % partitions), offset: int64(i / partitions), key: uint32(i * 7919 % 20_000),
			due: due, sent: due + 50*time.Microsecond, acked: due + 2*ms, start: due + 3*ms, end: due + 13*ms + time.Duration(i%100)*100*time.Microsecond}
		way = append(way, r)
		if i%20 == 0 {
			commits = append(commits, commit(r.partition, r.offset, due+30*ms, ledger.OutcomeConfirmed))
		}
	}
	events := inOrder(append(history(way...), commits...))
	cfg := Config{Partitions: partitions, Keys: 20_000, Warmup: sec, Load: 10 * sec,
		Faults: []Fault{{Name: "kill broker", From: 6 * sec, To: 8 * sec, Partitions: []int32{0, 3, 6, 9}}}}
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(events) {
		r := NewRecorder(cfg)
		r.Observe(events[:min(len(events), b.N-n)])
	}
}
