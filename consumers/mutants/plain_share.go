package mutants

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(plainShare("plain-share",
	"A member of a share group. It polls as many records as it has workers, acknowledges each when its work is done, and polls again. "+
		"It renews the locks of records that take long.", nil))

// share is a small consumer of a share group. The steps of [plainShare] are the honest ones.
type share struct {
	renewLocks   bool // renewLocks: locks are renewed before they expire
	workOnBatch  func(ctx context.Context, p *sharePod, records []*kgo.Record)
	workOnRecord func(ctx context.Context, p *sharePod, r *kgo.Record) // workOnRecord acknowledges the record too
}

// sharePod is a pod of [share].
type sharePod struct {
	steps      *share
	cfg        harness.Config
	work       harness.Work
	client     *kgo.Client
	background sync.WaitGroup
}

// plainShare is the registration of a consumer of a share group. It is honest but for what
// change does; nil changes nothing.
func plainShare(name, doc string, change func(*share)) harness.Implementation {
	return harness.Implementation{
		Name: name, Doc: doc, Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Parallelism: allWorkers, Mutant: true, Share: true,
		New: func(harness.Config) (harness.Consumer, error) {
			c := &share{renewLocks: true, workOnBatch: workOnShareBatch, workOnRecord: func(ctx context.Context, p *sharePod, r *kgo.Record) {
				acknowledge(r, p.work.Do(ctx, viewRecord(r)) == nil)
			}}
			if change != nil {
				change(c)
			}
			return c, nil
		},
	}
}

// Consume implements [harness.Consumer].
func (c *share) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	options, err := client.BaseOptions(cfg)
	if err != nil {
		return err
	}
	p := &sharePod{steps: c, cfg: cfg, work: w}
	p.client, err = kgo.NewClient(append(append(options, client.FetchOptions(cfg)...),
		kgo.ShareGroup(cfg.Group),
		kgo.ShareMaxRecords(int32(cfg.Workers)),
		kgo.ShareMaxRecordsStrict(),
	)...)
	if err != nil {
		return fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	defer p.client.Close() // releases the records that are not acknowledged
	defer p.background.Wait()
	for ctx.Err() == nil {
		fetches := p.client.PollRecords(ctx, cfg.Workers)
		if fetches.IsClientClosed() {
			return kgo.ErrClientClosed
		}
		if records := fetches.Records(); len(records) > 0 {
			c.workOnBatch(ctx, p, records)
		}
	}
	return nil
}

// workOnShareBatch works on the records of a poll at once. All are acknowledged when it
// returns: the next poll would accept the others.
func workOnShareBatch(ctx context.Context, p *sharePod, records []*kgo.Record) {
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for _, r := range records {
		wg.Go(func() {
			if p.steps.renewLocks {
				done := make(chan struct{})
				defer close(done)
				go p.renewLock(working, r, done)
			}
			p.steps.workOnRecord(working, p, r)
		})
	}
	wg.Wait()
}

// renewLock keeps a record locked until its work is done.
func (p *sharePod) renewLock(ctx context.Context, r *kgo.Record, done <-chan struct{}) {
	tick := time.NewTicker(p.cfg.ShareLock / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.Ack(kgo.AckRenew)
		case <-done:
			return
		case <-ctx.Done():
			return
		}
	}
}

// acknowledge accepts a completed record, and releases any other.
func acknowledge(r *kgo.Record, completed bool) {
	if completed {
		r.Ack(kgo.AckAccept)
	} else {
		r.Ack(kgo.AckRelease)
	}
}
