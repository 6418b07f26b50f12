package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// The hostile consumer is keyed, but for one thing that its pod-2 does: a prank.
var _ = harness.Register(harness.Implementation{
	Name: "test-hostile", Delivery: harness.AtLeastOnce, Order: harness.OrderKey, Mutant: true,
	Parallelism: func(cfg harness.Config) int { return cfg.Workers + 1 }, // so that two attempts at once are no excess
	Knobs:       []harness.Knob{{Name: "prank", Default: "none"}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		keyed, err := harness.FindImplementation("keyed")
		if err != nil {
			return nil, err
		}
		honest, err := keyed.New(cfg)
		p, known := pranks[cfg.Knobs["prank"]]
		if err != nil || !known || cfg.Pod != "pod-2" {
			return honest, err
		}
		if p.inNew != nil {
			return p.inNew()
		}
		return &hostile{prank: p, honest: honest}, nil
	},
})

// prank is what a hostile consumer does in place of one step of an honest one.
type prank struct {
	inNew     func() (harness.Consumer, error)
	inConsume func(ctx context.Context, honest func() error) error
	leaves    func() error
	onRecord  func(ctx context.Context, w harness.Work, r *harness.Record) error
}

// prankAt is the record of a pod that the prank is played on.
const prankAt = 5

type hostile struct {
	prank
	honest harness.Consumer
}

func (h *hostile) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	if h.leaves != nil {
		return h.leave(ctx, cfg, w)
	}
	if h.inConsume != nil {
		return h.inConsume(ctx, func() error { return h.honest.Consume(ctx, cfg, w) })
	}
	return h.honest.Consume(ctx, cfg, &hostileWork{Work: w, play: h.onRecord})
}

// leave returns as the prank says once the pod has worked on some records.
func (h *hostile) leave(ctx context.Context, cfg harness.Config, w harness.Work) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := h.honest.Consume(ctx, cfg, &hostileWork{Work: w, play: func(ctx context.Context, w harness.Work, r *harness.Record) error {
		defer cancel()
		return w.Do(ctx, r)
	}})
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return h.leaves()
}

type hostileWork struct {
	harness.Work
	play    func(context.Context, harness.Work, *harness.Record) error
	records atomic.Int64
}

func (h *hostileWork) Do(ctx context.Context, r *harness.Record) error {
	if h.records.Add(1) != prankAt {
		return h.Work.Do(ctx, r)
	}
	return h.play(ctx, h.Work, r)
}

// lastWords is what a hostile pod prints before it ends.
const lastWords = "this is the cause"

var pranks = map[string]prank{
	"panics-in-new":   {inNew: func() (harness.Consumer, error) { panic(lastWords) }},
	"fails-in-new":    {inNew: func() (harness.Consumer, error) { return nil, errors.New(lastWords) }},
	"makes-nil":       {inNew: func() (harness.Consumer, error) { return nil, nil }},
	"makes-nil-typed": {inNew: func() (harness.Consumer, error) { return (*hostile)(nil), nil }},

	"panics-in-consume":   {inConsume: func(context.Context, func() error) error { panic(lastWords) }},
	"returns-nil-at-once": {inConsume: func(context.Context, func() error) error { return nil }},
	"ignores-the-end": {inConsume: func(_ context.Context, honest func() error) error {
		honest()
		select {}
	}},

	"returns-nil-at-work": {leaves: func() error { return nil }},
	"fails-at-work":       {leaves: func() error { return errors.New(lastWords) }},
	"panics-at-work":      {onRecord: func(context.Context, harness.Work, *harness.Record) error { panic(lastWords) }},
	"panics-in-a-goroutine": {onRecord: func(context.Context, harness.Work, *harness.Record) error {
		go panic(lastWords)
		select {}
	}},
	"exits-with-0": {onRecord: end(func() { os.Exit(0) })},
	"kills-itself": {onRecord: end(func() { unix.Kill(os.Getpid(), unix.SIGKILL) })},
	"segfaults":    {onRecord: end(func() { unix.Kill(os.Getpid(), unix.SIGSEGV) })},
	"stops-itself": {onRecord: func(ctx context.Context, w harness.Work, r *harness.Record) error {
		unix.Kill(os.Getpid(), unix.SIGSTOP)
		return w.Do(ctx, r)
	}},
	"closes-its-files": {onRecord: func(ctx context.Context, w harness.Work, r *harness.Record) error {
		for fd := range 256 {
			unix.Close(fd)
		}
		return w.Do(ctx, r)
	}},
	"takes-all-memory": {onRecord: end(takeAllMemory)},
	"prints-100-MB": {onRecord: func(context.Context, harness.Work, *harness.Record) error {
		noise := append(bytes.Repeat([]byte("noise "), 1<<10), '\n')
		for n := 0; n < 100<<20; n += len(noise) {
			os.Stderr.Write(noise)
		}
		panic(lastWords)
	}},
	"leaves-a-child": {onRecord: func(ctx context.Context, w harness.Work, r *harness.Record) error {
		child := exec.Command("sleep", "60")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if err := child.Start(); err != nil {
			return err
		}
		pid := strconv.Itoa(child.Process.Pid)
		return errors.Join(os.WriteFile(os.Getenv(childFile), []byte(pid), 0o644), w.Do(ctx, r))
	}},

	"works-on-nil": {onRecord: func(ctx context.Context, w harness.Work, _ *harness.Record) error { return w.Do(ctx, nil) }},
	"invents-a-record": {onRecord: addAltered(func(r *harness.Record) {
		id, _ := ledger.DecodeIdentity(r.Value)
		id.Seq += 1 << 20
		id.Encode(r.Value)
	})},
	"invents-a-value":      {onRecord: addAltered(func(r *harness.Record) { r.Value = []byte("no record of this run") })},
	"alters-the-key":       {onRecord: alterOnly(func(r *harness.Record) { r.Key = []byte("other") })},
	"alters-the-value":     {onRecord: alterOnly(func(r *harness.Record) { r.Value[len(r.Value)-1]++ })},
	"alters-the-offset":    {onRecord: addAltered(func(r *harness.Record) { r.Offset += 1_000 })},
	"alters-the-partition": {onRecord: addAltered(func(r *harness.Record) { r.Partition += 1_000 })},
	"alters-the-topic":     {onRecord: addAltered(func(r *harness.Record) { r.Topic = "elsewhere" })},
	"works-twice-at-once": {onRecord: func(ctx context.Context, w harness.Work, r *harness.Record) error {
		var both sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			both.Go(func() { errs[i] = w.Do(ctx, r) })
		}
		both.Wait()
		return errors.Join(errs...)
	}},
}

// childFile is the variable that names the file for the process id of a pod's child.
const childFile = "STAMPEDE_TEST_CHILD_FILE"

// end plays a prank that ends the process.
func end(how func()) func(context.Context, harness.Work, *harness.Record) error {
	return func(context.Context, harness.Work, *harness.Record) error {
		how()
		select {}
	}
}

// alterOnly works on a changed copy of a record.
func alterOnly(change func(*harness.Record)) func(context.Context, harness.Work, *harness.Record) error {
	return func(ctx context.Context, w harness.Work, r *harness.Record) error {
		altered := *r
		altered.Value = slices.Clone(r.Value)
		change(&altered)
		return w.Do(ctx, &altered)
	}
}

// addAltered works on a record, and then on a changed copy of it.
func addAltered(change func(*harness.Record)) func(context.Context, harness.Work, *harness.Record) error {
	return func(ctx context.Context, w harness.Work, r *harness.Record) error {
		return errors.Join(w.Do(ctx, r), alterOnly(change)(ctx, w, r))
	}
}

// takeAllMemory takes what a limit leaves to the process, so that the machine survives.
func takeAllMemory() {
	var size, pages uint64
	statm, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(statm), &pages)
	}
	if size = pages * uint64(os.Getpagesize()); err != nil || size == 0 {
		panic(fmt.Sprintf("the size of this process is unknown: %v", err))
	}
	most := size + 256<<20
	if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: most, Max: most}); err != nil {
		panic(err)
	}
	for all := [][]byte{}; len(all) >= 0; { // always: what it has stays in use
		all = append(all, bytes.Repeat([]byte{1}, 16<<20))
		time.Sleep(time.Millisecond)
	}
}
