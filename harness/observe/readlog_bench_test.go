package observe

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/lock"
)

// BenchmarkReadAll is the final read, the embedded broker's part included, in CPU
// time a record.
func BenchmarkReadAll(b *testing.B) {
	lock.Machine(b)
	const records, partitions = 500_000, 12
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(partitions, "source"), kfake.DataDir(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic("source"),
		kgo.MaxBufferedRecords(1<<20), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	for i := range records {
		v := make([]byte, 100)
		ledger.Identity{Run: thisRun, Key: uint32(i), Due: 11, Sent: 12}.Encode(v)
		cl.Produce(b.Context(), kgo.SliceRecord(v), nil)
	}
	if err := cl.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	c, err := NewClient(cluster.ListenAddrs(), nil, "source", "group")
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	before := cpuTime(b)
	for b.Loop() {
		n := 0
		if err := c.ReadAll(b.Context(), partitions, thisRun, func(ledger.Slot) error { n++; return nil }); err != nil || n != records {
			b.Fatalf("read %d of %d records: %v", n, records, err)
		}
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N*records), "cpu-ns/record")
}

// cpuTime is what this process has used, in ns.
func cpuTime(t testing.TB) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
