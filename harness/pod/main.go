package pod

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"sync/atomic"
	"syscall"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// The exit statuses of a pod. A panic ends it as Go does: with 2, and the stack traces
// on standard error.
const (
	exitClean    = 0 // Consume returned after a request to stop
	exitReturned = 3 // Consume returned without a request and without an error
	exitFailed   = 4 // New or Consume of the consumer failed
	exitFault    = 5 // a fault of the harness, such as a full disk or a bad specification
	exitOrphaned = 6 // the harness has ended
	exitClosed   = 7 // a file descriptor of the harness is closed, though the harness lives
)

// ExitFault is [Incarnation.Exit] after a fault of the harness, such as a full disk. It
// says nothing about the consumer.
const ExitFault = "exit status 5"

// ExitReturned is [Incarnation.Exit] of a pod whose consumer returned without a request
// to stop and without an error.
const ExitReturned = "exit status 3"

// Main turns a process that was started as a pod into one, and never returns there.
// In any other process it returns at once. Call it first in TestMain or main, before
// flags are parsed.
func Main() {
	text, ok := os.LookupEnv(Env)
	if !ok {
		return
	}
	os.Unsetenv(Env) // child processes of the consumer are no pods
	die := func(code int, err error) {
		fmt.Fprintln(os.Stderr, "pod:", err)
		os.Exit(code)
	}
	began, hold := new(atomic.Int64), &workHold{}
	go followLifeline(hold, began.Store, die)

	// Ctrl-C reaches the whole process group; the harness decides what it means.
	signal.Ignore(syscall.SIGINT)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()

	spec, err := parseSpec(text)
	if err != nil {
		die(exitFault, err)
	}
	code, err := runInProcess(ctx, spec, began, hold, die)
	if err != nil {
		die(code, err)
	}
	os.Exit(code)
}

// runInProcess runs the consumer until ctx ends and returns the exit status of the
// process. The journal is never closed: it is complete at every moment, and a consumer
// may break its contract and work after Consume has returned.
func runInProcess(ctx context.Context, spec Spec, began *atomic.Int64, hold *workHold, die func(int, error)) (code int, err error) {
	markProcess(mark(spec.Mark))
	implementation, err := harness.FindImplementation(spec.Implementation)
	if err != nil {
		return exitFault, err
	}
	journal, err := ledger.Create(spec.Journal)
	if err != nil {
		return exitFault, err
	}
	work, err := newShim(spec, journal, ledger.NewClock(), func(err error) { die(faultStatus(err), err) })
	if err != nil {
		return exitFault, err
	}
	work.hold = hold
	spec.Config.Polled = work.notePoll
	if spec.LoadStart == 0 {
		work.loadStart = began
	}
	lines := newLines(journal, work.clock, spec.Owner)
	return consumeWith(ctx, implementation, spec, work, lines)
}

// faultStatus is the exit status after the harness could not do its part. Only the consumer
// can have closed a file descriptor.
func faultStatus(err error) int {
	if errors.Is(err, syscall.EBADF) {
		return exitClosed
	}
	return exitFault
}

// consumeWith runs the consumer on the work until ctx ends and returns the exit status
// of the pod.
func consumeWith(ctx context.Context, implementation *harness.Implementation, spec Spec, work harness.Work, lines *lines) (code int, err error) {
	spec.Config.Log = slog.New(lineHandler{lines: lines})
	defer lines.sayDropped()
	consumer, err := implementation.New(spec.Config)
	if err != nil {
		return exitFailed, fmt.Errorf("make consumer %s: %w", spec.Implementation, err)
	}
	if isNil(consumer) {
		return exitFailed, fmt.Errorf("make consumer %s: New returned nil and no error", spec.Implementation)
	}
	err = consumer.Consume(ctx, spec.Config, work)
	switch stopping := ctx.Err() != nil; {
	case err != nil && !(stopping && errors.Is(err, context.Canceled)):
		return exitFailed, fmt.Errorf("consumer %s: %w", spec.Implementation, err)
	case !stopping:
		return exitReturned, fmt.Errorf("consumer %s returned before it was asked to stop", spec.Implementation)
	}
	return exitClean, nil
}

// isNil reports whether a consumer is nil, or a pointer or function that is nil.
func isNil(c harness.Consumer) bool {
	if c == nil {
		return true
	}
	switch v := reflect.ValueOf(c); v.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Chan, reflect.Slice:
		return v.IsNil()
	}
	return false
}
