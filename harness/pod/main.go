package pod

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// How a pod ends by itself; a panic ends it as Go does, with 2 and the stacks
// on standard error.
const (
	exitClean    = 0 // asked to stop, and Consume returned
	exitReturned = 3 // Consume returned unasked, without an error
	exitFailed   = 4 // the consumer could not be made, or Consume failed
	exitFault    = 5 // a fault of the harness: a full disk, a bad specification
	exitOrphaned = 6 // the harness is gone
)

// ExitFault is [Incarnation.Exit] of a pod that a fault of the harness ended, as
// a full disk: it says nothing about the consumer.
const ExitFault = "exit status 5"

// ExitReturned is [Incarnation.Exit] of a pod whose consumer returned unasked and
// without an error.
const ExitReturned = "exit status 3"

// Main makes the process a pod if it was started as one, and then never
// returns; else it returns at once. It must be called before flags are parsed,
// first of all in TestMain or main.
func Main() {
	text, ok := os.LookupEnv(Env)
	if !ok {
		return
	}
	os.Unsetenv(Env) // processes that the consumer starts are no pods
	die := func(code int, err error) {
		fmt.Fprintln(os.Stderr, "pod:", err)
		os.Exit(code)
	}
	began := new(atomic.Int64)
	go watchLifeline(began, die)

	// Ctrl-C reaches whole process groups, and the harness decides what it means.
	signal.Ignore(syscall.SIGINT)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()

	spec, err := parseSpec(text)
	if err != nil {
		die(exitFault, err)
	}
	code, err := consume(ctx, spec, began, die)
	if err != nil {
		die(code, err)
	}
	os.Exit(code)
}

// watchLifeline ends the process, whatever it is doing, when the harness is gone.
// Until then it takes note of when the load begins.
func watchLifeline(began *atomic.Int64, die func(int, error)) {
	syscall.CloseOnExec(lifelineFD)
	lifeline := os.NewFile(lifelineFD, "lifeline")
	for {
		var at [8]byte
		if _, err := io.ReadFull(lifeline, at[:]); err != nil {
			die(exitOrphaned, fmt.Errorf("the harness is gone: %w", err))
		}
		began.Store(int64(binary.LittleEndian.Uint64(at[:])))
	}
}

// consume runs the consumer until ctx ends and says how the process must exit.
// The journal is never closed: it is whole at every moment, and a consumer may
// break its contract and go on working after it returned.
func consume(ctx context.Context, spec Spec, began *atomic.Int64, die func(int, error)) (code int, err error) {
	implementation, err := harness.FindImplementation(spec.Implementation)
	if err != nil {
		return exitFault, err
	}
	journal, err := ledger.Create(spec.Journal)
	if err != nil {
		return exitFault, err
	}
	work, err := newShim(spec, journal, ledger.NewClock(), func(err error) { die(exitFault, err) })
	if err != nil {
		return exitFault, err
	}
	if spec.Began == 0 {
		work.began = began
	}
	return consumeWith(ctx, implementation, spec, work)
}

// consumeWith runs the consumer on the work until ctx ends and says how the pod
// must end.
func consumeWith(ctx context.Context, implementation *harness.Implementation, spec Spec, work harness.Work) (code int, err error) {
	consumer, err := implementation.New(spec.Config)
	if err != nil {
		return exitFailed, fmt.Errorf("make consumer %s: %w", spec.Implementation, err)
	}
	err = consumer.Consume(ctx, spec.Config, work)
	switch asked := ctx.Err() != nil; {
	case err != nil && !(asked && errors.Is(err, context.Canceled)):
		return exitFailed, fmt.Errorf("consumer %s: %w", spec.Implementation, err)
	case !asked:
		return exitReturned, fmt.Errorf("consumer %s returned before it was asked to stop", spec.Implementation)
	}
	return exitClean, nil
}
