// Package docker is the back end with real numbers: real Kafka in KRaft mode,
// one container for each node, on fixed ports of 127.0.0.1.
//
// The nodes start once in a process and serve every run, because a start takes
// seconds. Between two runs killed nodes come back, and the back end waits until
// all replicas are in sync. A node that ends, pauses or vanishes without a fault
// ends the run, and the next run gets new nodes. The back end needs a Docker engine
// on this machine.
//
// Each incarnation of a pod has a front (see the package wire), which connects to the
// addresses of the containers. The harness itself uses the published ports, and so do pods
// with -direct.
package docker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/testcontainers/testcontainers-go"

	"github.com/stampede-bench/stampede/harness"
)

const defaultNodes = 3

var _ = harness.RegisterBackend(new(backend))

// backend implements [harness.Backend], [harness.Describer], [harness.Preflighter]
// and [harness.Closer]. Its zero value is ready. It is safe for concurrent use,
// but its cluster serves one run at a time.
type backend struct {
	mu        sync.Mutex
	image     string // image is the value of -kafka-image.
	resolved  string // resolved is the image in use, once it is known.
	direct    bool   // direct: pods use the published ports, without fronts.
	published bool   // published: the fronts of the last run used the published ports.
	engine    *testcontainers.DockerClient
	owner     *owner
	kept      *cluster
}

// Name implements [harness.Backend].
func (b *backend) Name() string { return "docker" }

// Prototype implements [harness.Prototyper].
func (b *backend) Prototype() harness.Cluster { return frontedCluster{&cluster{}} }

// SetImage names the image to run, before the first run. With "" the environment
// and the images of the engine decide.
func (b *backend) SetImage(image string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.image, b.resolved = image, ""
}

// SetDirect gives pods no fronts, before the first run. They use the published ports, and what
// observers and faults need the wire for is missing.
func (b *backend) SetDirect() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.direct = true
}

// Lingers of [backend.Linger], and the rate from which on the longer one counts.
const (
	linger         = 25 * time.Millisecond
	lingerAtSpeed  = 50 * time.Millisecond
	speedForLinger = 5_000 // records per second
)

// Linger implements [harness.Lingerer]. On two processors some 500 requests a second of producer
// and pods fill the machine, at any rate of records, and latencies are that queue. A longer linger
// means fewer requests: harness/PERFORMANCE.md has the measurements. A flood fills its batches without
// waiting.
func (b *backend) Linger(rate float64) time.Duration {
	switch {
	case math.IsInf(rate, 1):
		return harness.DefaultLinger
	case rate >= speedForLinger:
		return lingerAtSpeed
	}
	return linger
}

// Modelled implements [harness.Describer].
func (b *backend) Modelled() bool { return false }

// Describe implements [harness.Describer].
func (b *backend) Describe() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	nodes, image := defaultNodes, b.resolved
	if b.kept != nil {
		nodes = len(b.kept.nodes)
	}
	if image == "" {
		// No engine was asked yet: name the image that it would be asked for.
		image, _ = chooseImage(b.image, os.Getenv(imageEnv), func(string) (bool, error) { return true, nil })
	}
	return describeImage(image, nodes) + "; pods connect " + b.describeWay()
}

// describeWay says how pods reach the brokers.
func (b *backend) describeWay() string {
	switch {
	case b.direct:
		return "to the published ports (-direct)"
	case b.published:
		return "to fronts before the published ports, as the containers' addresses cannot be dialed"
	}
	return "to fronts before the containers' addresses"
}

// Prepare implements [harness.Preflighter]. It checks that an engine answers and
// has the image, and pulls the image if needed. It removes containers of dead
// harnesses.
func (b *backend) Preflight(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.prepareEngine(ctx)
}

func (b *backend) prepareEngine(ctx context.Context) (err error) {
	if err := b.cleanEngine(ctx); err != nil {
		return err
	}
	if b.resolved == "" {
		b.resolved, err = resolveImage(ctx, b.engine, b.image)
	}
	return err
}

// cleanEngine opens the engine and removes containers of dead harnesses.
func (b *backend) cleanEngine(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, removeTimeout, fmt.Errorf("the Docker engine has not answered for %v", removeTimeout))
	defer cancel()
	if b.engine == nil {
		if b.engine, err = openEngine(ctx); err != nil {
			return err
		}
	}
	return removeOrphans(ctx, b.engine)
}

// Start implements [harness.Backend]. It replaces a kept cluster that has lost a
// node, or that does not become healthy again.
func (b *backend) Start(ctx context.Context, spec harness.ClusterSpec) (harness.Cluster, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.startOrReuse(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("start kafka in containers: %w", err)
	}
	if b.direct {
		return c, nil
	}
	b.published = slices.ContainsFunc(c.nodes, func(n *node) bool { return n.address.Load() == nil })
	return frontedCluster{c}, nil
}

func (b *backend) startOrReuse(ctx context.Context, spec harness.ClusterSpec) (*cluster, error) {
	want, err := shapeOf(spec)
	if err != nil {
		return nil, err
	}
	if b.kept != nil && b.kept.shape == want {
		err := b.kept.prepareForRun(ctx)
		if err == nil {
			return b.kept, nil
		}
		if ctx.Err() != nil {
			return nil, errors.Join(err, b.removeKept())
		}
		if spec.Tell != nil {
			why, _, _ := strings.Cut(err.Error(), "\n") // the log of a node may follow
			spec.Tell("the cluster of the last run is replaced: " + why)
		}
	}
	if b.kept != nil {
		if err := b.removeKept(); err != nil {
			return nil, err
		}
	}
	err = b.startNew(ctx, want)
	return b.kept, err
}

func (b *backend) startNew(ctx context.Context, s shape) (err error) {
	if err := b.prepareEngine(ctx); err != nil {
		return err
	}
	if b.owner == nil {
		b.owner = newOwner()
	}
	if err := b.removeLeftovers(); err != nil {
		return err
	}
	b.kept, err = startCluster(ctx, b.engine, b.resolved, b.owner.labels(), s)
	return err
}

func (b *backend) removeKept() error {
	c := b.kept
	b.kept = nil
	return c.removeContainers()
}

// removeLeftovers removes what an earlier removal has left, as it does while the engine
// is down.
func (b *backend) removeLeftovers() error {
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	return removeOwned(ctx, b.engine, b.owner.name)
}

// Close implements [harness.Closer]: it removes containers and network. The back
// end may be started again.
func (b *backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	switch {
	case b.kept != nil:
		errs = append(errs, b.removeKept())
	case b.owner != nil:
		errs = append(errs, b.removeLeftovers())
	}
	b.owner = nil
	if b.engine != nil {
		errs = append(errs, b.engine.Close())
		b.engine = nil
	}
	return errors.Join(errs...)
}
