// Command runtests runs suites of Go tests and says what they are doing.
//
// Each -- starts the arguments of one go test. Variables of its environment may come
// first:
//
//	go run ./internal/runtests -- STAMPEDE_E2E=1 -timeout 25m ./... -- -tags synctests ./harness/engine
//
// It prints one line when a package ends, and the output of a test when it fails.
// On a terminal the last line names the running tests. Elsewhere such a line
// follows after 15 seconds of silence. A summary names the slowest tests, the
// skipped tests by their reason, and the failed tests. All suites are run, and
// the exit status is 1 if any of them failed. It ends go test when it is terminated, or
// when the make that launched it has ended.
//
// The program exists because go test is silent while a package runs. The
// well-kept alternative, gotestsum, names neither the running tests nor the
// reasons of skipped ones, and would add ten modules to go.sum.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stampede-bench/stampede/internal/launcher"
)

// slowestShown is how many of the slowest tests the end names.
const slowestShown = 10

func main() {
	suites := splitSuites(os.Args[1:])
	if len(suites) == 0 {
		fmt.Fprintln(os.Stderr, "usage: runtests -- ARGUMENTS OF GO TEST [-- MORE ARGUMENTS]...")
		os.Exit(2)
	}
	unattended, stop := launcher.WithEnd(context.Background())
	defer stop()
	unattended, stop = signal.NotifyContext(unattended, syscall.SIGTERM)
	defer stop()
	started := time.Now()
	all := newTally()
	screen := newScreen(os.Stdout)
	for _, args := range suites {
		if all.interrupted {
			break
		}
		runSuite(unattended, all, screen, args)
	}
	screen.clearStatus()
	all.writeSummary(os.Stdout, time.Since(started))
	if all.hasFailed() {
		os.Exit(1)
	}
}

// splitSuites returns the arguments after each --.
func splitSuites(args []string) (suites [][]string) {
	for _, a := range args {
		switch {
		case a == "--":
			suites = append(suites, nil)
		case len(suites) > 0:
			suites[len(suites)-1] = append(suites[len(suites)-1], a)
		default: // nothing may stand before the first --
			return nil
		}
	}
	return suites
}

// splitEnv returns the variables, NAME=value, that stand before the other arguments.
func splitEnv(args []string) (env, rest []string) {
	n := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "-") || !strings.Contains(a, "=") })
	if n < 0 {
		n = len(args)
	}
	return args[:n], args[n:]
}

// runSuite runs one go test and adds its events to the tally.
func runSuite(unattended context.Context, all *tally, screen *screen, args []string) {
	env, rest := splitEnv(args)
	screen.printLine(strings.Join(slices.Concat(env, []string{"go", "test"}, rest), " "))
	all.startSuite(countPackages(rest))
	if err := followTests(unattended, all, screen, env, append([]string{"test", "-json"}, rest...)); err != nil {
		all.failSuite(fmt.Sprintf("go test %s: %v", strings.Join(args, " "), err))
	}
}

// followTests starts the go command and reads its events until it ends. Ctrl-C
// reaches the command and its tests too, which then end by themselves. With the end of
// unattended the command is told to end, and its tests notice that it has ended.
func followTests(unattended context.Context, all *tally, screen *screen, env, args []string) error {
	ctx, stop := signal.NotifyContext(unattended, os.Interrupt)
	defer stop()
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), env...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, stop)() // a second Ctrl-C ends this program at once
	defer context.AfterFunc(unattended, func() { cmd.Process.Signal(syscall.SIGTERM) })()
	hideStatus := screen.showStatus(all.describeRunning)
	defer hideStatus()
	var readers sync.WaitGroup
	readers.Go(func() { readLines(stderr, screen.printLine) })
	readers.Go(func() {
		readLines(stdout, func(line string) {
			for _, message := range all.recordLine(line) {
				screen.printLine(message)
			}
		})
	})
	readers.Wait()
	err = cmd.Wait()
	if ctx.Err() != nil {
		all.interrupted = true
		return fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
	return err
}

// readLines calls do for each line of r, without its end.
func readLines(r io.Reader, do func(line string)) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			do(strings.TrimSuffix(line, "\n"))
		}
		if err != nil {
			return
		}
	}
}

// countPackages returns how many packages a suite has, 0 if go list cannot tell.
func countPackages(args []string) int {
	list := []string{"list"}
	for i, a := range args {
		if a == "-tags" && i+1 < len(args) {
			list = append(list, a, args[i+1])
		}
	}
	for _, a := range args {
		if strings.HasPrefix(a, ".") {
			list = append(list, a)
		}
	}
	packages, err := exec.Command("go", list...).Output()
	if err != nil {
		return 0
	}
	return strings.Count(string(packages), "\n")
}
