package observe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

var _ harness.BrokerFinder = (*Client)(nil)

// GroupCoordinator implements [harness.BrokerFinder].
func (c *Client) GroupCoordinator(ctx context.Context) (int32, error) {
	found := c.adm.FindGroupCoordinators(ctx, c.Group)
	if err := found.Error(); err != nil {
		return -1, fmt.Errorf("find the coordinator of group %s: %w", c.Group, err)
	}
	return found[c.Group].NodeID, nil
}

// TransactionCoordinator implements [harness.BrokerFinder]. Of equal brokers the one with
// the lowest id counts.
func (c *Client) TransactionCoordinator(ctx context.Context) (int32, error) {
	listed, err := c.adm.ListTransactions(ctx, nil, nil)
	if err != nil {
		return -1, fmt.Errorf("list transactions: %w", err)
	}
	count, best := map[int32]int{}, int32(-1)
	for _, t := range listed {
		n := t.Coordinator
		count[n]++
		if best < 0 || count[n] > count[best] || count[n] == count[best] && n < best {
			best = n
		}
	}
	if best < 0 {
		return -1, errors.New("no client has a transactional id")
	}
	return best, nil
}

// metadataTopic is the log of the controllers, a topic with one partition.
const metadataTopic = "__cluster_metadata"

// Controller implements [harness.BrokerFinder]. A model of Kafka without a quorum names the
// controller in its metadata. Real Kafka names any broker there.
func (c *Client) Controller(ctx context.Context) (int32, error) {
	versions, err := c.kgo.Request(ctx, kmsg.NewPtrApiVersionsRequest())
	if err != nil {
		return -1, fmt.Errorf("find the controller: %w", err)
	}
	if !slices.ContainsFunc(versions.(*kmsg.ApiVersionsResponse).ApiKeys, func(k kmsg.ApiVersionsResponseApiKey) bool {
		return kmsg.Key(k.ApiKey) == kmsg.DescribeQuorum
	}) {
		meta, err := c.adm.BrokerMetadata(ctx)
		if err != nil {
			return -1, fmt.Errorf("find the controller: %w", err)
		}
		return meta.Controller, nil
	}
	return c.quorumLeader(ctx)
}

// quorumLeader is the leader of the controllers.
func (c *Client) quorumLeader(ctx context.Context) (int32, error) {
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic, topic.Partitions = metadataTopic, []kmsg.DescribeQuorumRequestTopicPartition{kmsg.NewDescribeQuorumRequestTopicPartition()}
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, c.kgo)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return -1, fmt.Errorf("describe the quorum: %w", err)
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return -1, errors.New("describe the quorum: the response is not about one partition")
	}
	p := resp.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		return -1, fmt.Errorf("describe the quorum: %w", err)
	}
	return p.LeaderID, nil
}

// answerTimeout is how long a broker may take to answer.
const answerTimeout = 2 * time.Second

// AskBroker implements [harness.BrokerFinder]. It connects to the broker again, at the address
// that the brokers named last: a broker without its peers is in no metadata but its own.
func (c *Client) AskBroker(ctx context.Context, id int32) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := c.askAgain(ctx, id); err != nil {
		return fmt.Errorf("broker %d does not answer: %w", id, err)
	}
	return nil
}

func (c *Client) askAgain(ctx context.Context, id int32) error {
	if _, known := c.addresses.Load(id); !known {
		if err := c.noteAddresses(ctx); err != nil {
			return err
		}
	}
	addr, known := c.addresses.Load(id)
	if !known {
		return errors.New("no broker knows it")
	}
	cl, err := kgo.NewClient(append(slices.Clone(c.opts), kgo.SeedBrokers(addr.(string)), kgo.RequestRetries(0))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	_, err = cl.SeedBrokers()[0].Request(ctx, kmsg.NewPtrMetadataRequest())
	return err
}

// noteAddresses notes the addresses of all brokers that are in the metadata.
func (c *Client) noteAddresses(ctx context.Context) error {
	brokers, err := c.adm.ListBrokers(ctx)
	for _, b := range brokers {
		c.addresses.Store(b.NodeID, net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))))
	}
	return err
}

// InSync implements [harness.BrokerFinder].
func (c *Client) InSync(ctx context.Context) ([][]int32, error) {
	meta, err := c.adm.Metadata(ctx, c.Topic)
	if err == nil {
		err = meta.Topics[c.Topic].Err
	}
	if err != nil {
		return nil, fmt.Errorf("in-sync replicas of %s: %w", c.Topic, err)
	}
	inSync := make([][]int32, len(meta.Topics[c.Topic].Partitions))
	for p, detail := range meta.Topics[c.Topic].Partitions {
		if int(p) < len(inSync) {
			inSync[p] = detail.ISR
		}
	}
	return inSync, nil
}
