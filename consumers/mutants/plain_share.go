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
	"A member of a share group: polls as many records as it has workers, answers for each when its work is done, and polls again. Renews the locks of those that take long.", nil))

// share is a small consumer of a share group. The fields of [plainShare] are the
// honest ones.
type share struct {
	renew bool // renew: locks are renewed before they expire
	batch func(ctx context.Context, s *sharing, records []*kgo.Record)
	do    func(ctx context.Context, s *sharing, r *kgo.Record) // do is the work on a record, and the answer for it
}

// sharing is a pod of it.
type sharing struct {
	steps      *share
	cfg        harness.Config
	work       harness.Work
	client     *kgo.Client
	background sync.WaitGroup
}

// plainShare is the registration of a consumer of a share group, honest but for
// what change does, which may be nil.
func plainShare(name, doc string, change func(*share)) harness.Implementation {
	return harness.Implementation{
		Name: name, Doc: doc, Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Parallelism: workers, Mutant: true, Share: true,
		New: func(harness.Config) (harness.Consumer, error) {
			c := &share{renew: true, batch: workAll, do: workAndAnswer}
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
	s := &sharing{steps: c, cfg: cfg, work: w}
	s.client, err = kgo.NewClient(append(append(options, client.FetchOptions(cfg)...),
		kgo.ShareGroup(cfg.Group),
		kgo.ShareMaxRecords(int32(cfg.Workers)),
		kgo.ShareMaxRecordsStrict(),
	)...)
	if err != nil {
		return fmt.Errorf("share: %w", err)
	}
	defer s.client.Close() // what has no answer yet is released
	defer s.background.Wait()
	for ctx.Err() == nil {
		fetches := s.client.PollRecords(ctx, cfg.Workers)
		if fetches.IsClientClosed() {
			return kgo.ErrClientClosed
		}
		if records := fetches.Records(); len(records) > 0 {
			c.batch(ctx, s, records)
		}
	}
	return nil
}

// workAll works on the records of a poll at once and has answered for all when
// it returns: the next poll would accept those without an answer.
func workAll(ctx context.Context, s *sharing, records []*kgo.Record) {
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for _, r := range records {
		wg.Go(func() {
			if s.steps.renew {
				done := make(chan struct{})
				defer close(done)
				go s.renew(working, r, done)
			}
			s.steps.do(working, s, r)
		})
	}
	wg.Wait()
}

// renew keeps a record locked until its work is done.
func (s *sharing) renew(ctx context.Context, r *kgo.Record, done <-chan struct{}) {
	tick := time.NewTicker(s.cfg.ShareLock / 3)
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

// workAndAnswer accepts a record whose work has succeeded and releases any other.
func workAndAnswer(ctx context.Context, s *sharing, r *kgo.Record) {
	if s.work.Do(ctx, view(r)) != nil {
		r.Ack(kgo.AckRelease)
		return
	}
	r.Ack(kgo.AckAccept)
}
