package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/pod"
	"github.com/stampede-bench/stampede/reports"
)

// The exit statuses of the binary.
const (
	exitOK     = 0
	exitFailed = 1
	exitNoRun  = 2
)

// process is what the binary as a whole holds.
var process struct {
	ctx context.Context // ends with SIGINT or SIGTERM

	mu   sync.Mutex
	exit int                      // the gravest status so far
	used map[harness.Backend]bool // back ends to be closed
}

// Main is for TestMain: it makes the process a pod if it was started as one,
// else it runs the tests and exits with the status of the package comment.
func Main(m *testing.M) {
	pod.Main()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	opts.defineFlags(flag.CommandLine)
	flag.Usage = usage
	flag.Parse()
	flag.Visit(func(f *flag.Flag) {
		if flag.CommandLine.Lookup(f.Name) != nil && !isTesting(f.Name) {
			opts.given = append(opts.given, fmt.Sprintf("-%s=%s", f.Name, f.Value))
		}
	})
	os.Exit(runProcess(m))
}

// gcPercent is for this process alone and not for the pods, whose memory is
// measured: brokers and clients in it allocate much and hold little, so that at
// Go's default one tenth of a run's CPU time went into collecting garbage.
const gcPercent = 300

// usage prints all flags when asked to, and after a bad one only where to look:
// go test's own would push the error off the screen.
func usage() {
	for _, a := range os.Args[1:] {
		if a == "-h" || strings.TrimLeft(a, "-") == "help" {
			flag.PrintDefaults()
			return
		}
	}
	fmt.Fprintln(os.Stderr, "-help lists all flags, -scenarios what there is to run")
}

// isTesting reports whether a flag is go test's own.
func isTesting(name string) bool { return len(name) > 5 && name[:5] == "test." }

func runProcess(m *testing.M) int {
	switch {
	case opts.list:
		printList(os.Stdout, terminalWidth(os.Stdout))
		return exitOK
	case opts.judge != "":
		status, err := rejudgeLedger(os.Stdout, opts.judge, opts.out)
		if err != nil {
			fmt.Fprintln(os.Stderr, "stampede:", err)
		}
		return status
	case opts.in != "":
		if err := renderSaved(opts.in, opts.out); err != nil {
			fmt.Fprintln(os.Stderr, "stampede:", err)
			return exitNoRun
		}
		return exitOK
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the run in good order, a second one at once.
	quiet := context.AfterFunc(ctx, func() {
		stop()
		fmt.Fprintln(os.Stderr, "stampede: interrupted, ending the run and reporting what there is; once more to quit at once")
	})
	defer stop()
	defer quiet() // before stop, which ends ctx too
	process.ctx, process.used = ctx, map[harness.Backend]bool{}
	lock.CancelWith(ctx)
	code := m.Run()
	process.mu.Lock()
	defer process.mu.Unlock()
	for b := range process.used {
		if c, ok := b.(harness.Closer); ok {
			if err := c.Close(); err != nil {
				fmt.Fprintf(os.Stderr, "stampede: close broker %s: %v\n", b.Name(), err)
				code = max(code, exitFailed)
			}
		}
	}
	return max(code, process.exit)
}

// raiseExit keeps the gravest status.
func raiseExit(status int) {
	process.mu.Lock()
	defer process.mu.Unlock()
	process.exit = max(process.exit, status)
}

// closeAtExit notes a back end to be closed in the end.
func closeAtExit(b harness.Backend) {
	process.mu.Lock()
	defer process.mu.Unlock()
	process.used[b] = true
}

// renderSaved shows a saved result again.
func renderSaved(in, out string) error {
	f, err := os.Open(in)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no saved result at %s: run make bench first, or name another with IN=", in)
	}
	if err != nil {
		return fmt.Errorf("saved result: %w", err)
	}
	defer f.Close()
	c, err := reports.ReadJSON(f)
	if err != nil {
		return fmt.Errorf("saved result %s: %w", in, err)
	}
	if err := reports.Text(os.Stdout, c); err != nil {
		return err
	}
	if out == "" {
		return nil
	}
	return writeReports(out, c)
}

// writeReports writes the reports and says where.
func writeReports(out string, c *harness.Comparison) error {
	if err := reports.WriteAll(out, c); err != nil {
		return err
	}
	fmt.Printf("\nreport: %s\n", filepath.Join(out, "report.html"))
	return nil
}
