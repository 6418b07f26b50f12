package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/plain"
	"github.com/stampede-bench/stampede/harness/pod"
	"github.com/stampede-bench/stampede/internal/launcher"
)

// The exit statuses of the binary.
const (
	exitOK     = 0
	exitFailed = 1
	exitNoRun  = 2
)

// process is the state of the whole binary.
var process struct {
	ctx context.Context // ends with SIGINT, SIGTERM or SIGHUP, and with a launcher

	mu   sync.Mutex
	exit int                      // the highest exit status so far
	used map[harness.Backend]bool // back ends to close at the end
}

// Main is the body of TestMain. In a process that was started as a pod it runs the
// pod. In any other it runs the tests, and exits with a status of the package comment.
func Main(m *testing.M) {
	pod.Main()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	surviveClosedOutput()
	opts.defineFlags(flag.CommandLine)
	flag.Usage = usage
	flag.Parse()
	if flag.NArg() > 0 {
		complain(leftoverError(flag.Args()))
		os.Exit(exitNoRun)
	}
	flag.Visit(func(f *flag.Flag) {
		if flag.CommandLine.Lookup(f.Name) != nil && !isTesting(f.Name) {
			opts.given = append(opts.given, fmt.Sprintf("-%s=%s", f.Name, f.Value))
		}
	})
	os.Exit(runProcess(m))
}

// gcPercent is GOGC of this process. Its brokers and clients allocate much and
// keep little: at Go's default, garbage collection took a tenth of a run's CPU
// time. Pods keep the default, since their memory is measured.
const gcPercent = 300

// usage prints all flags if -help asks for them. After a bad flag it prints one
// line only: the list of go test's flags would push the error off the screen.
func usage() {
	for _, a := range os.Args[1:] {
		if a == "-h" || strings.TrimLeft(a, "-") == "help" {
			flag.PrintDefaults()
			return
		}
	}
	fmt.Fprintln(os.Stderr, "-help lists all flags; -scenarios lists consumers and scenarios")
}

// leftoverError refuses arguments that belong to no flag. The parser stops at the first
// of them, and would silently ignore the flags after it.
func leftoverError(left []string) error {
	err := fmt.Errorf("argument %q belongs to no flag", left[0])
	if len(left) > 1 {
		err = fmt.Errorf("%w, so the rest would be ignored (%s)", err, strings.Join(left[1:], " "))
	}
	return fmt.Errorf("%w: write -flag=value; -keep, -ledgers and -scenarios take no value", err)
}

// isTesting reports whether a flag is go test's own.
func isTesting(name string) bool { return len(name) > 5 && name[:5] == "test." }

func runProcess(m *testing.M) int {
	switch {
	case opts.list:
		var list strings.Builder
		printList(&list, terminalWidth(os.Stdout))
		return printText(list.String())
	case opts.ledgers:
		return printText(listLedgers(opts.out) + "\n")
	case opts.judge != "":
		status, err := rejudgeLedger(os.Stdout, opts.judge, opts.out)
		if err != nil {
			complain(err)
		}
		return status
	case opts.profile.isAsked():
		ctx, stop := profileContext()
		defer stop()
		if err := makeProfile(ctx, os.Stdout, &opts.profile, opts.seed); err != nil {
			complain(err)
			return exitNoRun
		}
		return exitOK
	case opts.in != "":
		if err := renderSaved(opts.in, opts.out); err != nil {
			complain(err)
			return exitNoRun
		}
		return exitOK
	}
	ctx, stop := endContext()
	defer stop()
	process.ctx, process.used = ctx, map[harness.Backend]bool{}
	lock.CancelWith(ctx)
	code := m.Run()
	process.mu.Lock()
	defer process.mu.Unlock()
	for b := range process.used {
		if c, ok := b.(harness.Closer); ok {
			if err := c.Close(); err != nil {
				complain(fmt.Errorf("close broker %s: %w", b.Name(), err))
				code = max(code, exitFailed)
			}
		}
	}
	return max(code, process.exit)
}

// unattendedTimeout is how long the tests may go on after a launcher has ended. An
// interrupted comparison takes some seconds to stop its pods and to write its reports.
const unattendedTimeout = time.Minute

// endContext ends in good order with the first signal, or with the end of a launcher, see
// [launcher.WithEnd]. A second signal ends the process. A terminal that closes sends
// SIGHUP twice: to its shell, which passes the signal on, and then to the foreground.
func endContext() (context.Context, context.CancelFunc) {
	signaled, stop := signal.NotifyContext(context.Background(), endSignals()...)
	ctx, cancel := launcher.WithEnd(signaled)
	quiet := context.AfterFunc(ctx, func() {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
		stop()
		if ended := (launcher.EndedError{}); errors.As(context.Cause(ctx), &ended) {
			fmt.Fprintf(os.Stderr, "stampede: %v: the run ends and is reported\n", ended)
			time.AfterFunc(unattendedTimeout, func() { os.Exit(exitFailed) })
			return
		}
		fmt.Fprintln(os.Stderr, "stampede: interrupted: the run ends and is reported; press Ctrl-C again to quit at once")
	})
	return ctx, func() { // quiet comes first: the others end ctx too
		quiet()
		cancel()
		stop()
	}
}

// complain prints an error, whose text may come from a consumer or from a file.
func complain(err error) { fmt.Fprintln(os.Stderr, "stampede:", plain.Error(err)) }

// printText prints all that was asked for, and returns the exit status.
func printText(text string) int {
	if _, err := os.Stdout.WriteString(text); err != nil {
		complain(err)
		return exitNoRun
	}
	return exitOK
}

// endSignals are the signals that end a comparison in good order. A process that nohup
// has started does not end with its terminal.
func endSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// surviveClosedOutput turns the end of this process by a write to a closed pipe into an
// error of that write. To ignore the signal would do so for child processes too.
func surviveClosedOutput() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
}

// raiseExit raises the exit status of the process.
func raiseExit(status int) {
	process.mu.Lock()
	defer process.mu.Unlock()
	process.exit = max(process.exit, status)
}

// closeAtExit closes a back end when the process ends.
func closeAtExit(b harness.Backend) {
	process.mu.Lock()
	defer process.mu.Unlock()
	process.used[b] = true
}
