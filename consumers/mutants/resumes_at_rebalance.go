package mutants

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in spring-projects/spring-kafka 2222.
var _ = harness.Register(harness.Implementation{
	Name:      "mutant-resumes-at-rebalance",
	Doc:       "Pauses the partition of a failed record until its retry. A rebalance resumes all partitions, and later records pass the one that waits.",
	Delivery:  harness.AtLeastOnce,
	Order:     harness.OrderPartition,
	Buffering: harness.Unbounded,
	Mutant:    true,
	MustFail:  mustFailIn("retry-in-rebalance", oracle.CheckPrematureCommit, oracle.CheckPartitionInversion),
	MayFail: append([]harness.Allowance{
		{Check: oracle.CheckLoss, Why: "a record that waits is dropped with its partition, and the commit is past it"},
		{Check: oracle.CheckKeyInversion, Why: "later records of its key pass it too"},
		{Check: oracle.CheckRetryOvertaking, Why: "likewise"},
		{Check: oracle.CheckCommitRegression, Why: "the record that waits is committed after those that passed it"},
		{Check: oracle.CheckUnexplainedDuplicate, Why: "the next owner begins at a commit that had gone back"},
		{Check: oracle.CheckStalledCommit, Why: "a commit that has gone back covers less than what is completed"},
	}, afterRebalance...),
	New: func(harness.Config) (harness.Consumer, error) { return pausingRetries{}, nil },
})

// pausingRetries works on one record at a time. A failed record and those behind it wait, and
// their partition is paused meanwhile.
type pausingRetries struct{}

// retryAfter is when a failed record is tried again.
const retryAfter = 400 * time.Millisecond

// waitingRecords are the records of a partition from a failed one on.
type waitingRecords struct {
	records []*kgo.Record
	until   time.Time
}

// Consume implements [harness.Consumer].
func (pausingRetries) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	waiting := map[int32]waitingRecords{}
	drop := func(_ context.Context, cl *kgo.Client, lost map[string][]int32) {
		for _, p := range lost[cfg.Topic] {
			delete(waiting, p)
		}
		cl.ResumeFetchPartitions(lost)
	}
	return habit{
		options: func(*habitPod) []kgo.Opt {
			return []kgo.Opt{
				kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.OnPartitionsRevoked(drop), kgo.OnPartitionsLost(drop),
				kgo.OnPartitionsAssigned(func(_ context.Context, cl *kgo.Client, _ map[string][]int32) {
					cl.ResumeFetchPartitions(cl.PauseFetchPartitions(nil)) // the bug: also those whose records wait
				}),
			}
		},
		loop: func(p *habitPod) error { return retryPaused(p, waiting) },
	}.Consume(ctx, cfg, w)
}

func retryPaused(p *habitPod, waiting map[int32]waitingRecords) error {
	for p.ctx.Err() == nil {
		soon, cancel := context.WithTimeout(p.ctx, retryAfter/4)
		fetches := p.client.PollRecords(soon, p.cfg.MaxPoll)
		cancel()
		if err := client.FatalError(p.cfg, fetches); err != nil {
			return err
		}
		fetches.EachPartition(func(f kgo.FetchTopicPartition) { workOrWait(p, waiting, f.Records) })
		for partition, w := range waiting {
			if time.Now().After(w.until) {
				delete(waiting, partition)
				p.client.ResumeFetchPartitions(map[string][]int32{p.cfg.Topic: {partition}})
				workOrWait(p, waiting, w.records)
			}
		}
		p.client.AllowRebalance()
	}
	return nil
}

// workOrWait works on records of one partition, and commits each. From the first that fails on, they wait.
func workOrWait(p *habitPod, waiting map[int32]waitingRecords, records []*kgo.Record) {
	for n, r := range records {
		err := p.work.Do(p.ctx, viewRecord(r))
		if p.ctx.Err() != nil {
			return
		}
		if err != nil {
			waiting[r.Partition] = waitingRecords{records[n:], time.Now().Add(retryAfter)}
			p.client.PauseFetchPartitions(map[string][]int32{r.Topic: {r.Partition}})
			return
		}
		client.LogFailure(p.cfg, "commit", p.client.CommitRecords(p.ctx, r)) // the next commit makes up for it
	}
}
