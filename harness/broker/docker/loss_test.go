package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/stampede-bench/stampede/harness"
)

func TestDescribeChange(t *testing.T) {
	up := container.State{Status: container.StateRunning, Running: true, StartedAt: "1"}
	down := container.State{Status: container.StateExited, ExitCode: exitKilled, StartedAt: "1"}
	ended := func(status int) container.State {
		return container.State{Status: container.StateExited, ExitCode: status, StartedAt: "1"}
	}
	for _, c := range []struct {
		name      string
		left, now container.State
		want      string
	}{
		{"nothing", up, up, ""},
		{"still down after a kill", down, down, ""},
		{"paused", up, container.State{Status: container.StatePaused, Running: true, Paused: true, StartedAt: "1"}, "was paused"},
		{"killed", up, ended(137), "SIGKILL that Stampede did not send"},
		{"stopped", up, ended(143), "SIGTERM that Stampede did not send"},
		{"crashed", up, ended(1), "ended by itself with status 1"},
		{"out of memory", up, container.State{Status: container.StateExited, OOMKilled: true, ExitCode: 137, StartedAt: "1"}, "out of memory (limit 1024 MiB)"},
		{"being removed", up, container.State{Status: container.StateRemoving, ExitCode: 137, StartedAt: "1"}, "was removed"},
		{"restarted", up, container.State{Status: container.StateRunning, Running: true, StartedAt: "2"}, "was started again"},
		{"started while down", down, container.State{Status: container.StateRunning, Running: true, StartedAt: "2"}, "was started again"},
		{"started and ended while down", down, container.State{Status: container.StateExited, ExitCode: 137, StartedAt: "2"}, "was started again"},
	} {
		if got := describeChange(&c.left, &c.now); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFirstLossStaysAndRepeatsNothing(t *testing.T) {
	var l loss
	engine := errors.New("no engine")
	if err := l.note([]error{nil, nil}); err != nil {
		t.Errorf("a loss of nothing: %v", err)
	}
	if err := l.note([]error{engine, nil, engine, errors.New("node 3 was paused")}); err == nil || err.Error() != "no engine; node 3 was paused" {
		t.Errorf("loss %v", err)
	}
	l.note([]error{errors.New("later")})
	if err := l.reason(); err.Error() != "no engine; node 3 was paused" {
		t.Errorf("loss %v", err)
	}
}

// lostBy waits until the cluster has noticed a loss.
func lostBy(t *testing.T, c *cluster) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var lost error
	err := retryUntil(ctx, func(ctx context.Context) error {
		if lost = c.CheckNodes(ctx); lost == nil {
			return errors.New("no loss was noticed")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lost.Error()
}

// bareNode is a cluster of one container that runs. Its Kafka may still be starting.
func bareNode(t *testing.T, b *backend) *cluster {
	t.Helper()
	if b.owner == nil {
		b.owner = newOwner()
	}
	nw, err := newNetwork(t.Context(), b.owner.labels())
	if err != nil {
		t.Fatal(err)
	}
	ports, err := freePorts(1, newRand())
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{engine: b.engine, shape: shape{nodes: 1, session: 6 * time.Second, heartbeat: time.Second}, labels: b.owner.labels()}
	n := &node{id: 1, port: ports[0], engine: b.engine, loss: &c.loss}
	c.nodes = []*node{n}
	if err := c.runNode(t.Context(), n, b.resolved, nw, newRand()); err != nil {
		t.Fatal(err)
	}
	if n.client, err = newClient(n.addr()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.removeContainers(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestStrangersActIsALoss has a stranger act on the container of a node that is up, and of
// one that a fault keeps down.
func TestStrangersActIsALoss(t *testing.T) {
	b := prepared(t)
	seconds := 0
	for _, c := range []struct {
		name string
		down bool // down: a fault has killed the node before
		act  func(context.Context, *node) error
		want string
	}{
		{"pause", false, func(ctx context.Context, n *node) error {
			_, err := b.engine.ContainerPause(ctx, n.container, client.ContainerPauseOptions{})
			return err
		}, "was paused from outside Stampede"},
		{"kill", false, func(ctx context.Context, n *node) error {
			_, err := b.engine.ContainerKill(ctx, n.container, client.ContainerKillOptions{Signal: "SIGKILL"})
			return err
		}, "was killed by a SIGKILL that Stampede did not send"},
		{"restart", false, func(ctx context.Context, n *node) error {
			_, err := b.engine.ContainerRestart(ctx, n.container, client.ContainerRestartOptions{Timeout: &seconds})
			return err
		}, "was started again from outside Stampede"},
		{"remove", false, removeByForce, "was removed from outside Stampede"},
		{"start", true, func(ctx context.Context, n *node) error {
			_, err := b.engine.ContainerStart(ctx, n.container, client.ContainerStartOptions{})
			return err
		}, "was started again from outside Stampede"},
		{"remove", true, removeByForce, "was removed from outside Stampede"},
	} {
		t.Run(fmt.Sprintf("%s, down: %v", c.name, c.down), func(t *testing.T) {
			cl := bareNode(t, b)
			n := cl.nodes[0]
			if c.down {
				if err := n.Kill(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if err := cl.CheckNodes(t.Context()); err != nil {
				t.Fatalf("before the act: %v", err)
			}
			// A kernel under load cannot always freeze all threads at the first try.
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := retryUntil(ctx, func(ctx context.Context) error { return c.act(ctx, n) }); err != nil {
				t.Fatal(err)
			}
			if got, want := lostBy(t, cl), "node 1 (kafka-1) "+c.want; got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if err := n.Start(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the heal of a fault ends with %v", err)
			}
		})
	}
}

func removeByForce(ctx context.Context, n *node) error {
	_, err := n.engine.ContainerRemove(ctx, n.container, client.ContainerRemoveOptions{Force: true})
	return err
}

// TestLostClusterIsReplaced stops the process of a node by a signal of the host, which the
// engine does not notice. The node is lost when it does not answer. The next start returns
// another cluster.
func TestLostClusterIsReplaced(t *testing.T) {
	b := prepared(t)
	spec := harness.ClusterSpec{Nodes: 1}
	before := started(t, b, spec).(frontedCluster).cluster
	state, err := b.engine.ContainerInspect(t.Context(), before.nodes[0].container, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(state.Container.State.Pid, syscall.SIGSTOP); err != nil {
		t.Skipf("the processes of the containers are out of reach: %v (user %d)", err, os.Getuid())
	}
	if got := lostBy(t, before); !strings.Contains(got, "node 1 (kafka-1) has not answered for") {
		t.Errorf("loss %q", got)
	}
	var told []string
	spec.Tell = func(why string) { told = append(told, why) }
	after := started(t, b, spec).(frontedCluster).cluster
	if len(told) != 1 || !strings.Contains(told[0], "is replaced: node 1 (kafka-1)") {
		t.Errorf("told %q", told)
	}
	if before.nodes[0].container == after.nodes[0].container {
		t.Error("the next run has the cluster with the lost node")
	}
	if err := after.CheckNodes(t.Context()); err != nil {
		t.Error(err)
	}
	// A node that goes away between two runs is no fault of either.
	if err := removeByForce(t.Context(), after.nodes[0]); err != nil {
		t.Fatal(err)
	}
	if err := started(t, b, spec).(frontedCluster).cluster.CheckNodes(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestEngineThatEndsIsALoss ends what connects to the engine.
func TestEngineThatEndsIsALoss(t *testing.T) {
	b := prepared(t)
	c := bareNode(t, b)
	address, end := relayTo(t, b.engine)
	relayed, err := testcontainers.NewDockerClientWithOpts(t.Context(), client.WithHost(address))
	if err != nil {
		t.Fatal(err)
	}
	defer relayed.Close()
	c.nodes[0].engine = relayed
	if err := c.CheckNodes(t.Context()); err != nil {
		t.Fatal(err)
	}
	end()
	if got := lostBy(t, c); !strings.HasPrefix(got, "the Docker engine has not answered for") || !strings.HasSuffix(got, "(start it again)") {
		t.Errorf("loss %q", got)
	}
}

// relayTo returns another address of an engine, until end is called.
func relayTo(t *testing.T, engine *testcontainers.DockerClient) (address string, end func()) {
	t.Helper()
	path, local := strings.CutPrefix(engine.DaemonHost(), "unix://")
	if !local {
		t.Skip("the engine has no Unix socket")
	}
	front := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", front)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", path)
			if err != nil {
				in.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, in, out)
			mu.Unlock()
			go io.Copy(in, out)
			go io.Copy(out, in)
		}
	}()
	return "unix://" + front, func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			c.Close()
		}
	}
}
