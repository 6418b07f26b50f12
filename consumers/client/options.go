package client

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// metadataMinAge bounds how soon a client looks for a new leader; kgo's
	// default of 5 s would be the floor of every failover.
	metadataMinAge = 150 * time.Millisecond
	retryPause     = 100 * time.Millisecond
	fetchMaxWait   = 250 * time.Millisecond

	// fetchBytes bounds what is fetched of a partition at once. Kgo's default of a
	// mebibyte is thousands of small records a partition, decoded long before
	// their turn and out of the processor's caches by then.
	fetchBytes = 128 << 10
)

// bootstrap stands for whichever of the seeds answers. Kgo looks for the group's
// coordinator at one broker or seed after the other and gives its membership up
// when two in a row are dead. With one broker dead that is its entry among the
// brokers next to its entry among the seeds, so there must be no dead seed as
// long as any of them lives.
const bootstrap = "bootstrap:9092"

const dialTimeout = 3 * time.Second

func newDialer(cfg harness.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	dial := cfg.Dialer
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		if address != bootstrap {
			return dial(ctx, network, address)
		}
		for _, seed := range cfg.Seeds {
			if conn, err = dial(ctx, network, seed); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
}

// BaseOptions are the options that all clients of a pod share.
func BaseOptions(cfg harness.Config) ([]kgo.Opt, error) {
	if len(cfg.Seeds) == 0 {
		return nil, fmt.Errorf("client %s: no seeds", cfg.ClientID())
	}
	return []kgo.Opt{
		kgo.SeedBrokers(bootstrap),
		kgo.Dialer(newDialer(cfg)),
		kgo.ClientID(cfg.ClientID()),
		kgo.MetadataMinAge(metadataMinAge),
		kgo.AlwaysRetryEOF(),
		kgo.RetryBackoffFn(func(int) time.Duration { return retryPause }),
		// Kgo's 20 retries would be over in two seconds at this pause, and a
		// member whose coordinator is gone that long would give its partitions up
		// before the group does.
		kgo.RequestRetries(int(max(cfg.Session/retryPause, 20))),
		kgo.DisableClientMetrics(),
	}, nil
}

// FetchOptions are the options of a client that consumes the source from where
// its group has come to.
func FetchOptions(cfg harness.Config) []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumeTopics(cfg.Topic),
		kgo.FetchMaxWait(fetchMaxWait),
		kgo.FetchMaxPartitionBytes(fetchBytes),

		// Where the log shrank and the client cannot tell from where, read it
		// again: a consumer that promises at least once may repeat records but
		// never skip one. (With leader epochs the client finds the exact place
		// by itself and does not come here.)
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}
}

// MemberOptions are the options of a client that is a member of the run's
// consumer group, by the protocol asked for.
func MemberOptions(cfg harness.Config) ([]kgo.Opt, error) {
	opts, err := BaseOptions(cfg)
	if err != nil {
		return nil, err
	}
	balancing, err := balancerOptions(cfg)
	if err != nil {
		return nil, err
	}
	opts = append(append(opts, FetchOptions(cfg)...), balancing...)
	return append(opts,
		kgo.ConsumerGroup(cfg.Group),
		kgo.SessionTimeout(cfg.Session),
		kgo.HeartbeatInterval(cfg.Heartbeat),
		kgo.RebalanceTimeout(cfg.Rebalance),
	), nil
}

// NewMember makes the client of a group consumer; more is what a design adds.
func NewMember(cfg harness.Config, more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := MemberOptions(cfg)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(append(opts, kgo.WithPools(new(recordPool))), more...)...)
	if err != nil {
		return nil, fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	return client, nil
}

func balancerOptions(cfg harness.Config) ([]kgo.Opt, error) {
	switch cfg.Protocol {
	case harness.Eager:
		return []kgo.Opt{kgo.Balancers(kgo.RangeBalancer())}, nil
	case harness.Cooperative:
		return []kgo.Opt{kgo.Balancers(kgo.CooperativeStickyBalancer())}, nil
	case harness.Server:
		// The balancer beside it names the broker's assignor; with any other than
		// range or sticky the client falls back to the classic protocol in silence.
		return []kgo.Opt{kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer())}, nil
	case harness.Static:
		// A static member does not leave when it ends: until the session is over the
		// group keeps its place, for the next incarnation under the same name.
		return []kgo.Opt{kgo.InstanceID(cfg.Pod), kgo.Balancers(kgo.CooperativeStickyBalancer())}, nil
	}
	return nil, fmt.Errorf("group protocol %q is not one of %v", cfg.Protocol, harness.Protocols)
}
