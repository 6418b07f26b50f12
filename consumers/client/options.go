package client

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// metadataMinAge is how soon a client asks for a new leader. With kgo's default no failover
	// is faster than 5 s.
	metadataMinAge = 150 * time.Millisecond
	retryPause     = 100 * time.Millisecond

	// A request without a response is taken for lost after half a session. So a connection that is
	// dead without an error is replaced before the group expels its member. Brokers on a busy
	// machine get at least leastRequestTimeout. The most is kgo's default.
	leastRequestTimeout = 2 * time.Second
	mostRequestTimeout  = 10 * time.Second
)

// bootstrap is a host name that stands for any seed that answers. Kgo looks for the group's
// coordinator at its brokers and seeds in turn, and gives the membership up when two in a
// row are dead. One dead broker has two entries: one among the brokers, one among the
// seeds. So a seed must not be dead while another one lives.
const bootstrap = "bootstrap:9092"

const dialTimeout = 3 * time.Second

// failedDialPause is how long a failed dial takes at least. Kgo (seen in 1.22.2) restarts the session
// of a KIP-848 group without a pause if no broker can be dialed while it asks for the commits. A pod
// without a network would spend a processor on that.
const failedDialPause = 20 * time.Millisecond

func newDialer(cfg harness.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	dial := cfg.Dialer
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		addresses := []string{address}
		if address == bootstrap {
			addresses = cfg.Seeds
		}
		for _, a := range addresses {
			if conn, err = dial(ctx, network, a); err == nil {
				return conn, nil
			}
		}
		waitFor(ctx, failedDialPause)
		return nil, err
	}
}

// BaseOptions are the options of all clients of a pod: seeds, dialer, client id and retries.
func BaseOptions(cfg harness.Config) ([]kgo.Opt, error) {
	if len(cfg.Seeds) == 0 {
		return nil, fmt.Errorf("client %s: no seeds", cfg.ClientID())
	}
	return []kgo.Opt{
		kgo.SeedBrokers(bootstrap),
		kgo.Dialer(newDialer(cfg)),
		kgo.ClientID(cfg.ClientID()),
		kgo.MetadataMinAge(metadataMinAge),
		kgo.MetadataMaxAge(cmp.Or(cfg.Metadata, harness.DefaultMetadata)),
		kgo.RequestTimeoutOverhead(min(max(cfg.Session/2, leastRequestTimeout), mostRequestTimeout)),
		kgo.AlwaysRetryEOF(),
		kgo.RetryBackoffFn(func(int) time.Duration { return retryPause }),
		// Kgo's default of 20 retries takes two seconds at this pause. A member without a
		// coordinator for so long would give up its partitions before the group does.
		kgo.RequestRetries(int(max(cfg.Session/retryPause, 20))),
		kgo.DisableClientMetrics(),
	}, nil
}

// FetchOptions are the options of a client that consumes cfg.Topic from the group's commits,
// or from the start where there is none.
func FetchOptions(cfg harness.Config) []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumeTopics(cfg.Topic),
		kgo.FetchMaxWait(cmp.Or(cfg.FetchWait, harness.DefaultFetchWait)),
		kgo.FetchMaxPartitionBytes(harness.FetchBytes),

		// If the log was truncated and the client does not know where, it reads the log again:
		// at-least-once may repeat records and may not skip one. With leader epochs the
		// client finds the exact place, and this option has no effect.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}
}

// MemberOptions are the options of a client that joins cfg.Group with cfg.Protocol. The
// error says which part of cfg is invalid.
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

// NewMember makes a client with [MemberOptions] and more, which recycles records: the
// consumer must not use a record after its Recycle.
func NewMember(cfg harness.Config, more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := MemberOptions(cfg)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(append(opts, kgo.WithPools(new(recordPool))), more...)...)
	if err != nil {
		return nil, fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	return cl, nil
}

func balancerOptions(cfg harness.Config) ([]kgo.Opt, error) {
	switch cfg.Protocol {
	case harness.Eager:
		return []kgo.Opt{kgo.Balancers(kgo.RangeBalancer())}, nil
	case harness.Cooperative:
		return []kgo.Opt{kgo.Balancers(kgo.CooperativeStickyBalancer())}, nil
	case harness.Server:
		// The balancer names the broker's assignor. With another one than range or sticky the
		// client falls back to the classic protocol without an error.
		return []kgo.Opt{kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer())}, nil
	case harness.Static:
		// A static member does not leave when it closes. The group keeps its place for the next
		// client with its instance id, until the session timeout.
		return []kgo.Opt{kgo.InstanceID(cfg.InstanceID), kgo.Balancers(kgo.CooperativeStickyBalancer())}, nil
	}
	return nil, fmt.Errorf("group protocol %q is not one of %v", cfg.Protocol, harness.Protocols)
}
