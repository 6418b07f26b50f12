package docker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/testcontainers/testcontainers-go"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/wire"
	"github.com/stampede-bench/stampede/harness/ledger"
)

const (
	startTimeout    = 2 * time.Minute // from the first container to the first acknowledged record
	healthTimeout   = 2 * time.Minute // from the end of a run until all replicas are in sync
	removeTimeout   = time.Minute
	maxPortAttempts = 5
)

// cluster is the nodes of one process. It serves many runs.
type cluster struct {
	engine *testcontainers.DockerClient
	shape  shape
	labels map[string]string
	nodes  []*node
	client *kgo.Client // client asks any node.
	loss   loss
	fronts fronts
	clock  ledger.Clock
}

// startCluster starts a cluster. After an error nothing of it is left.
func startCluster(ctx context.Context, engine *testcontainers.DockerClient, image string, labels map[string]string, s shape) (_ *cluster, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not ready after %v", startTimeout))
	defer cancel()
	c := &cluster{engine: engine, shape: s, labels: labels, clock: ledger.NewClock(), fronts: fronts{rules: new(wire.Rules)}}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.removeContainers())
		}
	}()
	nw, err := newNetwork(ctx, labels)
	if err != nil {
		return nil, err
	}
	r := newRand()
	ports, err := freePorts(s.nodes, r)
	if err != nil {
		return nil, err
	}
	for i, port := range ports {
		c.nodes = append(c.nodes, &node{id: int32(i + 1), port: port, engine: engine, loss: &c.loss, fronts: &c.fronts})
	}
	if err := c.runNodes(ctx, image, nw, r); err != nil {
		return nil, err
	}
	if err := c.openClients(); err != nil {
		return nil, err
	}
	if err := c.awaitHealthy(ctx); err != nil {
		return nil, err
	}
	for _, n := range c.nodes {
		if err := n.findAddress(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func newNetwork(ctx context.Context, labels map[string]string) (*testcontainers.DockerNetwork, error) {
	ctx, cancel := uncancelled(ctx)
	defer cancel()
	nw, err := tcnetwork.New(ctx, tcnetwork.WithLabels(labels))
	if err != nil {
		return nil, fmt.Errorf("make a network: %w", err)
	}
	return nw, nil
}

// runNodes runs all nodes at once: a node gets ready only with a quorum.
func (c *cluster) runNodes(ctx context.Context, image string, nw *testcontainers.DockerNetwork, r *rand.Rand) error {
	seeds := make([]uint64, len(c.nodes))
	for i := range seeds {
		seeds[i] = r.Uint64()
	}
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i, n := range c.nodes {
		wg.Go(func() { errs[i] = c.runNode(ctx, n, image, nw, rand.New(rand.NewPCG(seeds[i], 0))) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// runNode runs one node, on another port if its own is in use by now.
func (c *cluster) runNode(ctx context.Context, n *node, image string, nw *testcontainers.DockerNetwork, r *rand.Rand) error {
	for try := 1; ; try++ {
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("run node %d: %w", n.id, err)
		}
		err := n.runContainer(ctx, image, c.shape, nw, c.labels)
		if err == nil || !portTaken(err) || try == maxPortAttempts {
			return err
		}
		if err := n.removeContainer(ctx); err != nil {
			return err
		}
		ports, err := freePorts(1, r)
		if err != nil {
			return err
		}
		n.port = ports[0]
	}
}

// openClients opens the clients once the ports are known.
func (c *cluster) openClients() (err error) {
	for _, n := range c.nodes {
		if n.client, err = newClient(n.addr()); err != nil {
			return err
		}
	}
	c.client, err = newClient(c.Seeds()...)
	return err
}

// newClient returns a client that notices quickly when nodes come and go.
func newClient(seeds ...string) (*kgo.Client, error) {
	return kgo.NewClient(
		kgo.SeedBrokers(seeds...),
		kgo.ClientID("stampede-docker"),
		kgo.MetadataMinAge(pollEvery),
		kgo.RetryBackoffFn(func(int) time.Duration { return pollEvery }),
		kgo.RetryTimeout(requestTimeout),
		// A node that is starting accepts a connection and closes it.
		kgo.AlwaysRetryEOF(),
		// An idempotent client must not give up a record that was sent.
		kgo.DisableIdempotentWrite(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordDeliveryTimeout(requestTimeout),
		kgo.ProduceRequestTimeout(requestTimeout),
	)
}

// Seeds implements [harness.Cluster].
func (c *cluster) Seeds() (seeds []string) {
	for _, n := range c.nodes {
		seeds = append(seeds, n.addr())
	}
	return seeds
}

// Nodes implements [harness.Cluster].
func (c *cluster) Nodes() (nodes []harness.Node) {
	for _, n := range c.nodes {
		nodes = append(nodes, n)
	}
	return nodes
}

// Close implements [harness.Cluster]. The nodes stay for the next run, which
// deletes the topics and groups of this one; see [backend.Close].
func (c *cluster) Close() error { return nil }

// removeContainers removes everything with the cluster's labels, complete or
// not.
func (c *cluster) removeContainers() error {
	for _, n := range c.nodes {
		if n.client != nil {
			n.client.Close()
		}
	}
	if c.client != nil {
		c.client.Close()
	}
	// The caller's context has often ended already.
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	if err := removeOwned(ctx, c.engine, c.labels[labelOwner]); err != nil {
		return fmt.Errorf("remove cluster: %w", err)
	}
	return nil
}
