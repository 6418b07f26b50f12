package measure

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// BenchmarkObserve replays records at 10,000 a second with their sends, acks,
// attempts, a poll of ten records and a commit every 20 records: the time is per event. In turn it
// replays them without the stages of the latency, and prints the ratio.
func BenchmarkObserve(b *testing.B) {
	const records, partitions = 100_000, 12
	var way []record
	var more []ledger.Event
	for i := range records {
		due := time.Duration(i) * 100 * time.Microsecond
		r := record{partition: int32(i % partitions), offset: int64(i / partitions), key: uint32(i * 7919 % 20_000),
			due: due, sent: due + 50*time.Microsecond, acked: due + 2*ms, start: due + 3*ms, end: due + 13*ms + time.Duration(i%100)*100*time.Microsecond}
		way = append(way, r)
		if i%20 == 0 {
			more = append(more, commit(r.partition, r.offset, due+30*ms, ledger.OutcomeConfirmed))
		}
		if r.offset%10 == 0 {
			more = append(more, polled(r.partition, r.offset, r.offset+10, due+2500*time.Microsecond))
		}
	}
	events := inOrder(append(history(way...), more...))
	cfg := Config{Partitions: partitions, Keys: 20_000, Warmup: sec, Load: 10 * sec,
		Faults: []Fault{{Name: "kill broker", From: 6 * sec, To: 8 * sec, Partitions: []int32{0, 3, 6, 9}}}}
	b.ReportAllocs()
	var with, without time.Duration
	for n := 0; n < b.N; n += len(events) {
		some := events[:min(len(events), b.N-n)]
		with += timeToObserve(b, NewRecorder(cfg), some)
		plain := NewRecorder(cfg)
		plain.stages = nil
		without += timeToObserve(b, plain, some)
	}
	b.ReportMetric(float64(with)/float64(b.N), "ns/op")
	b.ReportMetric(with.Seconds()/without.Seconds(), "of-plain")
}

// timeToObserve is CPU time.
func timeToObserve(b *testing.B, r *Recorder, events []ledger.Event) time.Duration {
	before := cpuTime(b)
	r.Observe(events)
	return cpuTime(b) - before
}

func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
