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
)

const (
	startTimeout  = 2 * time.Minute // from the first container to records taken
	healthTimeout = 2 * time.Minute // from the end of a run to all in sync
	removeTimeout = time.Minute
	portTries     = 5
)

// cluster is the nodes of one process. It outlives its runs.
type cluster struct {
	engine *testcontainers.DockerClient
	shape  shape
	labels map[string]string
	nodes  []*node
	client *kgo.Client // asks any node
}

// startCluster brings up a cluster. If that fails nothing of it is left.
func startCluster(ctx context.Context, engine *testcontainers.DockerClient, image string, labels map[string]string, s shape) (_ *cluster, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not ready after %v", startTimeout))
	defer cancel()
	c := &cluster{engine: engine, shape: s, labels: labels}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove())
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
		c.nodes = append(c.nodes, &node{id: int32(i + 1), port: port, engine: engine})
	}
	if err := c.runNodes(ctx, image, nw, r); err != nil {
		return nil, err
	}
	if err := c.connect(); err != nil {
		return nil, err
	}
	if err := c.await(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func newNetwork(ctx context.Context, labels map[string]string) (*testcontainers.DockerNetwork, error) {
	ctx, cancel := seenThrough(ctx)
	defer cancel()
	nw, err := tcnetwork.New(ctx, tcnetwork.WithLabels(labels))
	if err != nil {
		return nil, fmt.Errorf("make a network: %w", err)
	}
	return nw, nil
}

// runNodes runs all nodes at once: none gets ready without a quorum.
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

// runNode runs one node, on another port if its own was lost meanwhile.
func (c *cluster) runNode(ctx context.Context, n *node, image string, nw *testcontainers.DockerNetwork, r *rand.Rand) error {
	for try := 1; ; try++ {
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("run node %d: %w", n.id, err)
		}
		err := n.run(ctx, image, c.shape, nw, c.labels)
		if err == nil || !portTaken(err) || try == portTries {
			return err
		}
		if err := n.discard(ctx); err != nil {
			return err
		}
		ports, err := freePorts(1, r)
		if err != nil {
			return err
		}
		n.port = ports[0]
	}
}

// connect opens the clients once the ports are settled.
func (c *cluster) connect() (err error) {
	for _, n := range c.nodes {
		if n.client, err = newClient(n.addr()); err != nil {
			return err
		}
	}
	c.client, err = newClient(c.Seeds()...)
	return err
}

// newClient is a client that finds out quickly about nodes that come and go.
func newClient(seeds ...string) (*kgo.Client, error) {
	return kgo.NewClient(
		kgo.SeedBrokers(seeds...),
		kgo.ClientID("stampede-docker"),
		kgo.MetadataMinAge(pollEvery),
		kgo.RetryBackoffFn(func(int) time.Duration { return pollEvery }),
		kgo.RetryTimeout(askTimeout),
		// A node that is booting takes a connection and closes it.
		kgo.AlwaysRetryEOF(),
		// An idempotent client may not give a record up once it was sent.
		kgo.DisableIdempotentWrite(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordDeliveryTimeout(askTimeout),
		kgo.ProduceRequestTimeout(askTimeout),
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
// removes what this one leaves on them; see [backend.Close].
func (c *cluster) Close() error { return nil }

// remove takes everything away that carries the cluster's labels, made whole or not.
func (c *cluster) remove() error {
	for _, n := range c.nodes {
		if n.client != nil {
			n.client.Close()
		}
	}
	if c.client != nil {
		c.client.Close()
	}
	// On a context of its own: the caller's has often ended by now.
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	err := removeLabelled(ctx, c.engine, func(l map[string]string) bool { return l[labelLock] == c.labels[labelLock] })
	if err != nil {
		return fmt.Errorf("remove cluster: %w", err)
	}
	return nil
}
