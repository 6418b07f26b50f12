package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"golang.org/x/sys/unix"
)

// Labels of every container and network that Stampede creates.
const (
	labelHarness = "io.stampede" // always "harness"
	labelLock    = "io.stampede.lock"
	labelHost    = "io.stampede.host"
)

// owner is this process as the owner of containers. It holds a lock file as long
// as it lives, and the kernel frees the lock even after SIGKILL. The containers
// carry the file's path. A later process that finds the lock free knows that the
// owner is dead.
type owner struct {
	file *os.File // file is close-on-exec, as all files of Go: no child holds the lock.
	host string
}

func newOwner() (*owner, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("own containers: %w", err)
	}
	f, err := os.CreateTemp("", fmt.Sprintf("stampede-docker-%d-*.lock", os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("own containers: %w", err)
	}
	if err := flock(f, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("own containers: lock %s: %w", f.Name(), err), f.Close(), os.Remove(f.Name()))
	}
	return &owner{file: f, host: host}, nil
}

func (o *owner) labels() map[string]string {
	return map[string]string{labelHarness: "harness", labelLock: o.file.Name(), labelHost: o.host}
}

// removeOwned removes everything that this process owns.
func (o *owner) removeOwned(ctx context.Context, engine *testcontainers.DockerClient) error {
	return removeLabelled(ctx, engine, func(l map[string]string) bool { return l[labelLock] == o.file.Name() })
}

// releaseLock frees the lock. The containers must be gone already.
func (o *owner) releaseLock() error {
	return errors.Join(os.Remove(o.file.Name()), o.file.Close())
}

// orphaned reports whether the harness that set these labels is dead. Lock files
// of another host, or of another container that shares this engine, are out of
// sight: what they own is left alone.
func orphaned(labels map[string]string, host string) bool {
	path := labels[labelLock]
	if labels[labelHarness] != "harness" || path == "" || labels[labelHost] != host {
		return false
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		return false
	}
	defer f.Close() // frees the lock if this call took it
	return flock(f, unix.LOCK_EX|unix.LOCK_NB) == nil
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); err != unix.EINTR {
			return err
		}
	}
}

// removeOrphans removes what dead harnesses of this host left behind.
func removeOrphans(ctx context.Context, engine *testcontainers.DockerClient) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("remove orphans: %w", err)
	}
	locks := map[string]bool{}
	err = removeLabelled(ctx, engine, func(labels map[string]string) bool {
		dead := orphaned(labels, host)
		if dead {
			locks[labels[labelLock]] = true
		}
		return dead
	})
	if err != nil {
		return fmt.Errorf("remove orphans: %w", err)
	}
	for path := range locks {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove orphans: %w", err)
		}
	}
	return nil
}

// removeLabelled removes the containers of any harness whose labels match, then
// the networks. It is no error if another process removed one of them first.
func removeLabelled(ctx context.Context, engine *testcontainers.DockerClient, fit func(labels map[string]string) bool) error {
	ours := make(client.Filters).Add("label", labelHarness+"=harness")
	containers, err := engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	var errs []error
	for _, c := range containers.Items {
		if !fit(c.Labels) {
			continue
		}
		_, err := engine.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil && !alreadyGone(err) {
			errs = append(errs, fmt.Errorf("remove container %.12s: %w", c.ID, err))
		}
	}
	networks, err := engine.NetworkList(ctx, client.NetworkListOptions{Filters: ours})
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("list networks: %w", err))...)
	}
	for _, n := range networks.Items {
		if !fit(n.Labels) {
			continue
		}
		if _, err := engine.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{}); err != nil && !alreadyGone(err) {
			errs = append(errs, fmt.Errorf("remove network %s: %w", n.Name, err))
		}
	}
	return errors.Join(errs...)
}

// alreadyGone reports whether a thing to remove does not exist or is being
// removed.
func alreadyGone(err error) bool { return errdefs.IsNotFound(err) || errdefs.IsConflict(err) }
