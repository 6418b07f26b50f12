package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/client"

	"github.com/stampede-bench/stampede/harness"
)

func TestCancelledStartLeavesNothing(t *testing.T) {
	b := prepared(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		// Cancel once a container exists that could be left behind.
		err := retryUntil(t.Context(), func(ctx context.Context) error {
			list, err := b.engine.ContainerList(ctx, client.ContainerListOptions{
				Filters: make(client.Filters).Add("label", labelHarness+"=harness"),
			})
			for _, c := range list.Items {
				if strings.HasPrefix(c.Labels[labelOwner], fmt.Sprintf("%d-", os.Getpid())) {
					return nil
				}
			}
			return errors.Join(err, errors.New("no container yet"))
		})
		if err != nil {
			t.Error(err)
		}
	})
	_, err := b.Start(ctx, harness.ClusterSpec{})
	wg.Wait()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := carrying(t, b.owner.name); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// childEnv makes the test binary a harness of its own; see [TestChildHarness].
const childEnv = "STAMPEDE_TEST_DOCKER_CHILD"

// TestChildHarness is no test: as a child process it keeps a cluster of one node
// until its standard input ends or it is killed.
func TestChildHarness(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("is a child of TestOrphansAreRemoved")
	}
	b := new(backend)
	if _, err := b.Start(t.Context(), harness.ClusterSpec{Nodes: 1}); err != nil {
		t.Fatal(err)
	}
	fmt.Println("up", b.owner.name)
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Error(err)
	}
	closed(t, b)
}

type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	owner string
}

func childHarness(t *testing.T, wrapper ...string) *child {
	t.Helper()
	command := append(wrapper, os.Args[0], "-test.run=^TestChildHarness$")
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait() // the test itself checks the error where it matters
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if owner, ok := strings.CutPrefix(lines.Text(), "up "); ok {
			return &child{cmd, stdin, owner}
		}
		t.Log("child:", lines.Text())
	}
	t.Fatal("the child ended before its cluster was up")
	return nil
}

// hiddenFolder is a command that runs another one with a temporary folder that no other
// process sees. It is empty where that is not possible.
func hiddenFolder(t *testing.T) []string {
	t.Helper()
	wrapper := []string{"unshare", "--mount", "sh", "-c", `mount -t tmpfs none "$0" && exec env TMPDIR="$0" "$@"`, t.TempDir()}
	if out, err := exec.Command(wrapper[0], append(wrapper[1:], "true")...).CombinedOutput(); err != nil {
		t.Logf("no mount of its own: %v: %s", err, out)
		return nil
	}
	return wrapper
}

// TestOrphansAreRemoved kills a harness with SIGKILL. The next start must remove
// what the dead one left. It must keep what a living one uses, which has other folders.
func TestOrphansAreRemoved(t *testing.T) {
	b := prepared(t)
	living, dead := childHarness(t, hiddenFolder(t)...), childHarness(t)
	if err := dead.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	dead.cmd.Wait() // "signal: killed"
	if len(carrying(t, dead.owner)) != 2 {
		t.Fatal("the killed harness left no container and network: nothing to test")
	}
	started(t, b, harness.ClusterSpec{Nodes: 1})
	if left := carrying(t, dead.owner); len(left) > 0 {
		t.Errorf("of the dead harness: %v", left)
	}
	if left := carrying(t, living.owner); len(left) != 2 {
		t.Errorf("of the living harness only: %v", left)
	}
	if err := living.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := living.cmd.Wait(); err != nil {
		t.Errorf("the living harness: %v", err)
	}
	if left := carrying(t, living.owner); len(left) > 0 {
		t.Errorf("the living harness left behind: %v", left)
	}
}
