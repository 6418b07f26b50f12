package pod_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/pod"
)

func TestMain(m *testing.M) {
	pod.Main()
	middleMain()
	os.Exit(m.Run())
}

// probe is a consumer without Kafka. Its knob "mode" says how it behaves. It writes
// its process id to <pod>.pid in the folder of the knob "dir".
type probe struct{}

var modes = map[string]func(context.Context, harness.Config, harness.Work) error{
	"loop":         loop,
	"idle":         func(ctx context.Context, _ harness.Config, _ harness.Work) error { <-ctx.Done(); return ctx.Err() },
	"unresponsive": func(context.Context, harness.Config, harness.Work) error { select {} },
	"quits":        func(context.Context, harness.Config, harness.Work) error { return nil },
	"fails":        func(context.Context, harness.Config, harness.Work) error { return errors.New("no more of this") },
	"grumbles": func(ctx context.Context, _ harness.Config, _ harness.Work) error {
		<-ctx.Done()
		return errors.New("the last commit failed")
	},
	"panics": func(context.Context, harness.Config, harness.Work) error {
		fmt.Println("about to panic")
		go func() { panic("out of a goroutine") }()
		select {}
	},
	"breeds": func(_ context.Context, cfg harness.Config, _ harness.Work) error {
		child := exec.Command("sleep", "3600")
		child.Stdout = os.Stdout // which keeps the pipe to the harness open
		if err := child.Start(); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(cfg.Knobs["dir"], "child.pid"), fmt.Appendln(nil, child.Process.Pid), 0o644)
	},
	"logs": func(_ context.Context, cfg harness.Config, _ harness.Work) error {
		cfg.Log.Warn("commit refused", "err", errors.New("UNKNOWN_MEMBER_ID"))
		cfg.Log.Info("the pod is killed now")
		return unix.Kill(os.Getpid(), unix.SIGKILL)
	},
	"exits": func(context.Context, harness.Config, harness.Work) error {
		fmt.Fprintln(os.Stderr, "cannot reach the database")
		os.Exit(1)
		return nil
	},
	"shouts":             shout,
	"closes":             func(ctx context.Context, _ harness.Config, _ harness.Work) error { return closeDescriptors(ctx, 0) },
	"closes-pipe":        func(ctx context.Context, _ harness.Config, _ harness.Work) error { return closeDescriptors(ctx, 3) },
	"allocates":          allocate,
	"kills-itself":       func(context.Context, harness.Config, harness.Work) error { return unix.Kill(os.Getpid(), unix.SIGKILL) },
	"detaches":           detachChildren,
	"detaches and quits": func(ctx context.Context, cfg harness.Config, w harness.Work) error { return startDetached(cfg) },
	"panics-late": func(ctx context.Context, _ harness.Config, _ harness.Work) error {
		<-ctx.Done()
		panic("while stopping")
	},
}

var _ = harness.Register(harness.Implementation{
	Name:  "probe",
	Knobs: []harness.Knob{{Name: "mode"}, {Name: "dir"}},
	New: func(c harness.Config) (harness.Consumer, error) {
		if modes[c.Knobs["mode"]] == nil {
			return nil, fmt.Errorf("no mode %q", c.Knobs["mode"])
		}
		return probe{}, nil
	},
})

func (probe) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	if os.Getenv(pod.Env) != "" {
		return errors.New("processes that the consumer starts would be pods")
	}
	path := filepath.Join(cfg.Knobs["dir"], cfg.Pod+".pid")
	if err := os.WriteFile(path+".new", fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return modes[cfg.Knobs["mode"]](ctx, cfg, w)
}

// shout prints 100 MB, lines and a long line of any bytes, and panics.
func shout(context.Context, harness.Config, harness.Work) error {
	fmt.Fprintln(os.Stderr, "the first line")
	line := append(bytes.Repeat([]byte("noise "), 170), '\n')
	for range 50 << 20 / len(line) {
		os.Stderr.Write(line)
	}
	noise := make([]byte, 1<<20)
	for i := range noise {
		if noise[i] = byte(i * 31); noise[i] == '\n' {
			noise[i] = 0
		}
	}
	for range 50 {
		os.Stderr.Write(noise)
	}
	fmt.Fprintln(os.Stderr)
	for range 2000 { // their traces follow the message
		go func() { select {} }()
	}
	panic("enough")
}

// closeDescriptors closes the file descriptors from first, as code does that means to close
// those of its own.
func closeDescriptors(ctx context.Context, first int) error {
	for fd := first; fd < 1024; fd++ {
		unix.Close(fd)
	}
	<-ctx.Done()
	return ctx.Err()
}

// allocate uses memory until there is none. The limit stands in for that of a container.
func allocate(context.Context, harness.Config, harness.Work) error {
	var page [64]byte
	var size, resident uint64
	f, err := os.Open("/proc/self/statm")
	if err != nil {
		return err
	}
	n, _ := f.Read(page[:])
	if _, err := fmt.Sscan(string(page[:n]), &size, &resident); err != nil {
		return err
	}
	limit := size*uint64(os.Getpagesize()) + 256<<20
	if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		return err
	}
	for all := [][]byte{}; len(all) >= 0; { // always: what it has stays in use
		all = append(all, bytes.Repeat([]byte{1}, 16<<20))
	}
	return nil
}

// loop works on generated records as fast as it can, one partition per worker. The
// witness of its incarnation counts the calls of Do that have returned nil.
func loop(ctx context.Context, cfg harness.Config, w harness.Work) error {
	returned, err := openWitness(filepath.Join(cfg.Knobs["dir"], cfg.ClientID()+".witness"))
	if err != nil {
		return err
	}
	var workers sync.WaitGroup
	for i := range cfg.Workers {
		workers.Go(func() {
			r := harness.Record{Topic: cfg.Topic, Partition: int32(i), Value: make([]byte, ledger.IdentitySize)}
			for ; ctx.Err() == nil; r.Offset++ {
				ledger.Identity{Run: testRun, Key: uint32(i), Seq: uint32(r.Offset)}.Encode(r.Value)
				if w.Do(ctx, &r) == nil {
					returned.Add(1)
				}
			}
		})
	}
	workers.Wait()
	return nil
}

// openWitness maps the counter in the file at path, which survives its writer;
// a new file counts from 0. The map stays until the process ends.
func openWitness(path string) (*atomic.Int64, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Truncate(8); err != nil {
		return nil, err
	}
	page, err := unix.Mmap(int(f.Fd()), 0, 8, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*atomic.Int64)(unsafe.Pointer(&page[0])), nil
}
