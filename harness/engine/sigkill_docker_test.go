package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

const (
	// killsEnv is how many harnesses TestKilledHarnessLeavesNothingOnRealKafka kills.
	killsEnv = "STAMPEDE_KILLS_DOCKER"
	// victimEnv makes the test binary a harness that is killed. Its pods and their
	// children inherit the value.
	victimEnv = "STAMPEDE_TEST_VICTIM"
	// victimFaultEnv names the fault of lastingFaults that lasts until the victim is killed.
	victimFaultEnv = "STAMPEDE_TEST_VICTIM_FAULT"
)

// lastingFaults leave something outside of the harness while they last.
var lastingFaults = map[string]harness.Fault{
	"a paused container":             fault.PauseBroker{},
	"packet filters against peers":   fault.IsolateBroker{From: harness.Peers},
	"packet filters against clients": fault.IsolateBroker{From: harness.Clients},
	"a limit of the CPU":             fault.SlowBroker{},
	"a full disk":                    fault.FillDisk{},
	"a stopped container":            fault.StopBroker{},
	"a stopped pod":                  fault.PausePod{},
	"a cut network":                  fault.CutNetwork{},
	"a held frame of a stopped pod":  fault.PausePodAt{Moment: fault.BeforeCommit},
}

// inForce is what a victim prints once its fault has taken effect.
const inForce = "the fault is in force"

// announced is a fault that says when it is in force.
type announced struct{ harness.Fault }

func (a announced) Verify(ctx context.Context, env *harness.Env) error {
	err := a.Fault.Verify(ctx, env)
	fmt.Println(inForce, err)
	return err
}

// The consumer is keyed, and starts two processes that outlive it: one in its process
// group, one in a session of its own.
var _ = harness.Register(harness.Implementation{
	Name: "test-forks", Delivery: harness.AtLeastOnce, Order: harness.OrderKey, Mutant: true,
	Parallelism: func(cfg harness.Config) int { return cfg.Workers },
	New: func(cfg harness.Config) (harness.Consumer, error) {
		keyed, err := harness.FindImplementation("keyed")
		if err != nil {
			return nil, err
		}
		for _, attr := range []*syscall.SysProcAttr{{}, {Setsid: true}} {
			child := exec.Command("sleep", "3600")
			child.SysProcAttr = attr
			if err := child.Start(); err != nil {
				return nil, err
			}
		}
		return keyed.New(cfg)
	},
})

// TestVictim is no test: as a child process it makes runs on real Kafka until it is killed.
func TestVictim(t *testing.T) {
	if os.Getenv(victimEnv) == "" {
		t.Skip("is a child of TestKilledHarnessLeavesNothingOnRealKafka")
	}
	backend, err := harness.FindBackend("docker")
	if err != nil {
		t.Fatal(err)
	}
	for {
		p := plan(t, "test-forks", func(s *harness.Scenario) {
			s.Load.Pacer = load.Constant{Rate: 200, For: 10 * time.Second}
			s.Injections = []harness.Injection{
				{Fault: fault.KillPod{}, At: time.Second, HealAfter: 2 * time.Second},
				{Fault: fault.KillBroker{}, At: 3 * time.Second, HealAfter: 5 * time.Second},
			}
			if f := lastingFaults[os.Getenv(victimFaultEnv)]; f != nil {
				s.Load.Pacer = load.Constant{Rate: 200, For: 10 * time.Minute}
				s.Injections = []harness.Injection{{Fault: announced{f}, At: time.Second, HealAfter: 9 * time.Minute}}
			}
		})
		p.Backend = backend
		if _, err := engine.Run(t.Context(), p); err != nil {
			t.Log(err)
		}
	}
}

// TestKilledHarnessLeavesNothingOnRealKafka kills harnesses with SIGKILL at random times.
// The next start sweeps: no process, container, network, folder or lock of them is left.
// It takes a minute for each kill, so it runs only on request: STAMPEDE_KILLS_DOCKER=5.
func TestKilledHarnessLeavesNothingOnRealKafka(t *testing.T) {
	kills, _ := strconv.Atoi(os.Getenv(killsEnv))
	if kills < 1 {
		t.Skipf("takes minutes: set %s to the number of kills", killsEnv)
	}
	backend := realKafka(t)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for i := range kills {
		victim := startVictim(t, fmt.Sprintf("%d-%d", os.Getpid(), i))
		from := "start"
		if i%2 == 0 {
			from = "first child of a pod"
			victim.awaitChild(t)
		}
		after := rand.N(20 * time.Second)
		time.Sleep(after)
		things := victim.ownedThings(t)
		t.Logf("kill %d, %v after the %s: %d processes, containers and networks %v", i+1, after.Round(time.Millisecond), from, len(victim.processes(t)), things)
		if err := victim.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		victim.cmd.Wait() // "signal: killed"
		victim.awaitSwept(t, backend, dir, things)
	}
}

// TestKilledHarnessLeavesNoFaultOnRealKafka kills harnesses with SIGKILL while a fault lasts.
// The next start sweeps: no process, container, network, folder or packet filter is left. It takes
// half a minute for each fault, so it runs with [killsEnv] only.
func TestKilledHarnessLeavesNoFaultOnRealKafka(t *testing.T) {
	if kills, _ := strconv.Atoi(os.Getenv(killsEnv)); kills < 1 {
		t.Skipf("takes minutes: set %s", killsEnv)
	}
	backend := realKafka(t)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for name := range lastingFaults {
		t.Run(name, func(t *testing.T) {
			t.Setenv(victimFaultEnv, name)
			victim := startVictim(t, fmt.Sprintf("%d-%d", os.Getpid(), len(name)))
			victim.awaitFault(t)
			things := victim.ownedThings(t)
			t.Logf("%d processes, containers and networks %v", len(victim.processes(t)), things)
			if err := victim.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			victim.cmd.Wait() // "signal: killed"
			victim.awaitSwept(t, backend, dir, things)
		})
	}
}

// packetFilters are those of this machine that name the bridge of a network among things.
func packetFilters(t *testing.T, things []string) (list []string) {
	for _, table := range []string{"filter", "nat"} {
		out, err := exec.Command("iptables", "-t", table, "-S").Output()
		if err != nil {
			t.Logf("packet filters cannot be listed: %v", err)
			return nil
		}
		for line := range strings.Lines(string(out)) {
			for _, thing := range things {
				if id, ok := strings.CutPrefix(thing, "network "); ok && strings.Contains(line, "br-"+id) {
					list = append(list, strings.TrimSpace(line))
				}
			}
		}
	}
	return list
}

// victim is a harness that is killed, in a process of its own.
type victim struct {
	cmd    *exec.Cmd
	mark   string
	output *bufio.Reader
}

func startVictim(t *testing.T, mark string) victim {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestVictim$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), victimEnv+"="+mark)
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return victim{cmd, mark, bufio.NewReader(output)}
}

// awaitFault waits until the fault of the victim has taken effect.
func (v victim) awaitFault(t *testing.T) {
	t.Helper()
	giveUp := time.AfterFunc(5*time.Minute, func() { v.cmd.Process.Kill() })
	defer giveUp.Stop()
	for {
		line, err := v.output.ReadString('\n')
		switch {
		case line == inForce+" <nil>\n":
			return
		case strings.HasPrefix(line, inForce), err != nil:
			t.Fatalf("the fault did not take effect: %s%v", line, err)
		}
	}
}

// awaitChild waits until a consumer has started a process.
func (v victim) awaitChild(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for len(v.processes(t)) < 3 { // the victim, a pod, a child of the pod
		if time.Now().After(deadline) {
			t.Fatal("the victim has started no pod")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// awaitSwept sweeps until nothing of the victim is left, and no packet filter of its things. A container whose creation was
// under way at the kill appears after it.
func (v victim) awaitSwept(t *testing.T, backend harness.Backend, dir string, things []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if err := backend.(harness.Preflighter).Preflight(ctx); err != nil {
			t.Fatal(err)
		}
		engine.Sweep()
		folders, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		left := slices.Concat(v.processes(t), v.ownedThings(t), packetFilters(t, things), folders)
		if len(left) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Errorf("left behind: %q", left)
			return
		case <-time.After(time.Second):
		}
	}
}

// processes are the victim, its pods and their children, as far as they are alive.
func (v victim) processes(t *testing.T) (list []string) {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range environs {
		environ, err := os.ReadFile(path)
		if err != nil {
			continue // the process has ended, or is another user's
		}
		for text := range bytes.SplitSeq(environ, []byte{0}) {
			if string(text) == victimEnv+"="+v.mark {
				list = append(list, filepath.Dir(path))
			}
		}
	}
	return list
}

// ownedThings are the containers and networks of the victim.
func (v victim) ownedThings(t *testing.T) (list []string) {
	t.Helper()
	for _, args := range [][]string{{"ps", "-a"}, {"network", "ls"}} {
		args = append(args, "--filter", "label=io.stampede=harness", "--format", `{{.ID}} {{.Label "io.stampede.owner"}}`)
		out, err := exec.Command("docker", args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			id, owner, _ := strings.Cut(strings.TrimSpace(line), " ")
			if strings.HasPrefix(owner, fmt.Sprintf("%d-", v.cmd.Process.Pid)) {
				list = append(list, args[0]+" "+id)
			}
		}
	}
	return list
}
