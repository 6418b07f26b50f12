package docker

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	nodeMemory     = 1 << 30     // nodeMemory limits a container; Kafka needs about 400 MiB.
	createTimeout  = time.Minute // createTimeout is for creating a network, or creating and starting a container.
	requestTimeout = 2 * time.Second
	logLines       = 15
)

// node is one broker: a container, and a client that talks to this broker only.
type node struct {
	id        int32
	port      int // port of 127.0.0.1 stays the same over restarts.
	container string
	engine    *testcontainers.DockerClient
	client    *kgo.Client
	loss      *loss // loss is the cluster's; nil for a node of its own.

	fronts  *fronts                // fronts are the cluster's; nil for a node of its own.
	down    atomic.Bool            // down: Stampede has killed the container, or is about to.
	address atomic.Pointer[string] // address of the container, or nil if only the published port can be reached.
	reach   net.Dialer             // reach tries the container's address.

	mu          sync.Mutex // mu is held while Stampede changes the container.
	watch       watch
	isolated    bool        // isolated: packet filters are set.
	unreachable bool        // unreachable: they keep clients away.
	slow        atomic.Bool // slow: the container has a CPU quota.
	waited      int64       // waited is how often it had waited before the quota.
}

func (n *node) ID() int32 { return n.id }

func (n *node) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(n.port)) }

// uncancelled returns a context for a request that creates or starts something.
// If such a request is cancelled, the engine goes on, and what it creates later
// escapes the clean-up. The request is short, so it does not end with ctx.
func uncancelled(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
}

// runContainer creates and starts the node's container.
func (n *node) runContainer(ctx context.Context, image string, s shape, nw *testcontainers.DockerNetwork, labels map[string]string) error {
	ctx, cancel := uncancelled(ctx)
	defer cancel()
	external := fmt.Sprintf("%d/tcp", externalPort)
	c, err := testcontainers.Run(ctx, image,
		testcontainers.WithEntrypoint("sh", "-c", startCommand),
		testcontainers.WithEnv(map[string]string{
			"STAMPEDE_NODE":       strconv.Itoa(int(n.id)),
			"STAMPEDE_CLUSTER":    clusterID,
			"STAMPEDE_PROPERTIES": serverProperties(n.id, n.port, s),
			"STAMPEDE_LOG4J":      log4jProperties,
		}),
		testcontainers.WithLabels(labels),
		testcontainers.WithConfigModifier(func(c *container.Config) { c.Hostname = hostname(n.id) }),
		tcnetwork.WithNetwork([]string{hostname(n.id)}, nw),
		testcontainers.WithExposedPorts(external), // without it the binding below is dropped
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
			h.PortBindings = network.PortMap{network.MustParsePort(external): {{
				HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: strconv.Itoa(n.port),
			}}}
			h.Memory, h.MemorySwap = nodeMemory, nodeMemory // no swap: swapping would be an unplanned fault
		}),
	)
	if c != nil {
		n.container = c.GetContainerID()
	}
	if err == nil {
		err = n.leaveContainer(ctx, true)
	}
	if err != nil {
		return fmt.Errorf("run node %d: %w%s", n.id, err, n.lastLines(ctx))
	}
	return nil
}

// removeContainer removes a container that did not start.
func (n *node) removeContainer(ctx context.Context) error {
	if n.container == "" {
		return nil
	}
	ctx, cancel := uncancelled(ctx)
	defer cancel()
	if _, err := n.engine.ContainerRemove(ctx, n.container, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
		return fmt.Errorf("remove container of node %d: %w", n.id, err)
	}
	n.container = ""
	return nil
}

// fetchMetadata returns the cluster as this node sees it, with all topics. It
// sends a request each time: the client's own methods may answer from a cache.
func (n *node) fetchMetadata(ctx context.Context) (*kmsg.MetadataResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := n.client.SeedBrokers()[0].Request(ctx, kmsg.NewPtrMetadataRequest())
	if err != nil {
		return nil, fmt.Errorf("node %d at %s does not answer: %w", n.id, n.addr(), err)
	}
	return resp.(*kmsg.MetadataResponse), nil
}

// lastLines returns the end of the node's log for an error, "" for an empty log.
// It works after ctx has ended, which may be why the node failed.
func (n *node) lastLines(ctx context.Context) string {
	if n.container == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	logs, err := n.engine.ContainerLogs(ctx, n.container, client.ContainerLogsOptions{
		ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(logLines),
	})
	if err != nil {
		return fmt.Sprintf("; its log cannot be read: %v", err)
	}
	defer logs.Close()
	var text bytes.Buffer
	if _, err := stdcopy.StdCopy(&text, &text, logs); err != nil {
		return fmt.Sprintf("; its log cannot be read: %v", err)
	}
	lines := strings.TrimSpace(text.String())
	if lines == "" {
		return "; it wrote nothing"
	}
	return "; its last lines:\n  " + strings.ReplaceAll(lines, "\n", "\n  ")
}

// portTaken reports whether the engine could not bind a container's port.
func portTaken(err error) bool {
	return strings.Contains(err.Error(), "port is already allocated") || strings.Contains(err.Error(), "address already in use")
}
