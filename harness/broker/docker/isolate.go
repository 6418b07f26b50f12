package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/moby/moby/client"

	"github.com/stampede-bench/stampede/harness"
)

// CanIsolate implements [harness.NodeIsolator]. The filters are set from this machine in the
// network namespace of the container, since images have no tool for that.
func (c *cluster) CanIsolate(harness.Side) error {
	return requireTools("packet filters", "nsenter", "iptables")
}

// requireTools returns an error if this process may not act on the processes of containers.
func requireTools(what string, tools ...string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%s need root on this machine", what)
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s need %s on this machine", what, tool)
		}
	}
	return nil
}

// IsolateNode implements [harness.NodeIsolator].
func (c *cluster) IsolateNode(ctx context.Context, id int32, from harness.Side) error {
	if err := c.CanIsolate(from); err != nil {
		return err
	}
	return c.changeNode(ctx, "isolate", id, func(ctx context.Context, n *node) error {
		if !n.watch.isUp() {
			return errors.New("it does not run")
		}
		n.isolated = true
		n.unreachable = n.unreachable || from == harness.Clients
		for _, rule := range filterRules(from) {
			if err := n.filter(ctx, rule...); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReconnectNode implements [harness.NodeIsolator].
func (c *cluster) ReconnectNode(ctx context.Context, id int32) error {
	return c.changeNode(ctx, "reconnect", id, func(ctx context.Context, n *node) error { return n.reconnect(ctx) })
}

// reconnect removes the filters. A container that started again has none. The caller holds
// n.mu.
func (n *node) reconnect(ctx context.Context) error {
	if !n.isolated {
		return nil
	}
	if n.watch.isUp() {
		if err := n.filter(ctx, "-F"); err != nil {
			return err
		}
	}
	n.isolated, n.unreachable = false, false
	n.watch.silent.end()
	return nil
}

// filterRules drop all packets to and from the ports of one side, in both directions.
func filterRules(from harness.Side) (rules [][]string) {
	ports := []int{externalPort}
	if from == harness.Peers {
		ports = []int{internalPort, controllerPort}
	}
	for _, port := range ports {
		for _, chain := range []string{"INPUT", "OUTPUT"} {
			for _, end := range []string{"--dport", "--sport"} {
				rules = append(rules, []string{"-A", chain, "-p", "tcp", end, strconv.Itoa(port), "-j", "DROP"})
			}
		}
	}
	return rules
}

// filter calls iptables in the network namespace of the container.
func (n *node) filter(ctx context.Context, args ...string) error {
	pid, err := n.findProcess(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := uncancelled(ctx)
	defer cancel()
	args = append([]string{"-t", strconv.Itoa(pid), "-n", "iptables", "-w"}, args...)
	if out, err := exec.CommandContext(ctx, "nsenter", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("nsenter %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// findProcess is the process of the container on this machine. An engine in a virtual machine
// has other processes: their host has another name.
func (n *node) findProcess(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectLimit)
	defer cancel()
	c, err := n.engine.ContainerInspect(ctx, n.container, client.ContainerInspectOptions{})
	if err != nil {
		return 0, err
	}
	pid := c.Container.State.Pid
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/etc/hostname", pid))
	if err != nil || strings.TrimSpace(string(name)) != hostname(n.id) {
		return 0, errors.New("its process is not on this machine: faults of this kind need an engine that is")
	}
	return pid, nil
}
