package docker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// Labels of every container and network that Stampede creates.
const (
	labelHarness = "io.stampede"         // always "harness"
	labelOwner   = "io.stampede.owner"   // the name of an [owner]
	labelProcess = "io.stampede.process" // its [process]
)

// owner is a back end of this process as the owner of containers. They carry the
// owner's process. A later harness that does not find this process knows that the
// owner is dead. Files would not tell: a living owner may see other folders.
type owner struct {
	name    string
	process process
}

func newOwner() *owner {
	return &owner{fmt.Sprintf("%d-%016x", os.Getpid(), rand.Uint64()), thisProcess()}
}

func (o *owner) labels() map[string]string {
	return map[string]string{labelHarness: "harness", labelOwner: o.name, labelProcess: o.process.label()}
}

// removeOwned removes everything that an owner has.
func removeOwned(ctx context.Context, engine *testcontainers.DockerClient, name string) error {
	all, err := listEstates(ctx, engine)
	if err != nil {
		return err
	}
	return all[name].removeAll(ctx, engine)
}

// removeOrphans removes what dead harnesses left behind.
func removeOrphans(ctx context.Context, engine *testcontainers.DockerClient) error {
	all, err := listEstates(ctx, engine)
	if err != nil {
		return fmt.Errorf("remove orphans: %w", err)
	}
	self := thisProcess()
	booted, err := bootTime()
	if err != nil || !strings.HasPrefix(engine.DaemonHost(), "unix://") {
		booted = time.Time{} // the engine may run on another machine
	}
	var errs []error
	for name, e := range all {
		if name != "" && (e.process.isDead(self) || e.precedesBoot(self, booted)) {
			errs = append(errs, e.removeAll(ctx, engine))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove orphans: %w", err)
	}
	return nil
}

// estate is everything that one owner has in an engine.
type estate struct {
	process    process
	containers []string
	networks   []string
	running    bool      // running: one of the containers runs.
	newest     time.Time // newest is when the last thing was created.
}

// precedesBoot reports whether a boot of the engine's machine ended the containers. An
// owner on this machine has ended with them. Another owner has lost its cluster.
func (e *estate) precedesBoot(self process, booted time.Time) bool {
	return self.Boot != "" && e.process.Boot != "" && e.process.Boot != self.Boot && !e.running && e.newest.Before(booted)
}

// listEstates returns what each owner has, by its name.
func listEstates(ctx context.Context, engine *testcontainers.DockerClient) (map[string]*estate, error) {
	all := map[string]*estate{}
	note := func(labels map[string]string, created time.Time) *estate {
		e := all[labels[labelOwner]]
		if e == nil {
			e = &estate{process: parseProcess(labels[labelProcess])}
			all[labels[labelOwner]] = e
		}
		if created.After(e.newest) {
			e.newest = created
		}
		return e
	}
	ours := make(client.Filters).Add("label", labelHarness+"=harness")
	containers, err := engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	for _, c := range containers.Items {
		e := note(c.Labels, time.Unix(c.Created, 0))
		e.containers = append(e.containers, c.ID)
		e.running = e.running || c.State == container.StateRunning || c.State == container.StatePaused || c.State == container.StateRestarting
	}
	networks, err := engine.NetworkList(ctx, client.NetworkListOptions{Filters: ours})
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	for _, n := range networks.Items {
		e := note(n.Labels, n.Created)
		e.networks = append(e.networks, n.ID)
	}
	return all, nil
}

// removeAll removes the containers, then the networks. It is no error if another
// process removed one of them first.
func (e *estate) removeAll(ctx context.Context, engine *testcontainers.DockerClient) error {
	if e == nil {
		return nil // the owner has nothing
	}
	var errs []error
	for _, id := range e.containers {
		_, err := engine.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil && !alreadyGone(err) {
			errs = append(errs, fmt.Errorf("remove container %.12s: %w", id, err))
		}
	}
	for _, id := range e.networks {
		if err := removeNetwork(ctx, engine, id); err != nil {
			errs = append(errs, fmt.Errorf("remove network %.12s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// removeNetwork removes a network. While another harness removes its containers, the engine
// refuses for a moment.
func removeNetwork(ctx context.Context, engine *testcontainers.DockerClient, id string) error {
	const attempts = 10
	for n := 1; ; n++ {
		_, err := engine.NetworkRemove(ctx, id, client.NetworkRemoveOptions{})
		if err == nil || alreadyGone(err) {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pollEvery):
		}
		if n == attempts {
			return err
		}
	}
}

// alreadyGone reports whether a thing to remove does not exist or is being
// removed.
func alreadyGone(err error) bool { return errdefs.IsNotFound(err) || errdefs.IsConflict(err) }
