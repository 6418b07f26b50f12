// Command runtests runs suites of Go tests and says what they are doing.
//
// Each -- starts the arguments of one go test. Variables of its environment may come
// first:
//
//	go run ./internal/runtests -- STAMPEDE_E2E=1 -timeout 25m ./... -- -tags synctests ./harness/engine
//
// The suites run one after the other. A suite after --meanwhile runs at the same time as the
// one before it, at the lowest priority: it takes the processor time that the other leaves.
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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stampede-bench/stampede/internal/launcher"
)

// slowestShown is how many of the slowest tests the end names.
const slowestShown = 10

// lowestPriority is the niceness of a suite that runs at the same time as another.
const lowestPriority = 19

// suite is one go test.
type suite struct {
	number int // from 1
	args   []string
	nice   int // its niceness
}

func main() {
	groups := splitSuites(os.Args[1:])
	if len(groups) == 0 {
		fmt.Fprintln(os.Stderr, "usage: runtests -- ARGUMENTS OF GO TEST [--|--meanwhile MORE ARGUMENTS]...")
		os.Exit(2)
	}
	unattended, stop := launcher.WithEnd(context.Background())
	defer stop()
	unattended, stop = signal.NotifyContext(unattended, syscall.SIGTERM)
	defer stop()
	started := time.Now()
	all := newTally()
	screen := newScreen(os.Stdout)
	for _, group := range groups {
		if all.wasInterrupted() {
			break
		}
		runGroup(unattended, all, screen, group)
	}
	screen.clearStatus()
	all.writeSummary(os.Stdout, time.Since(started))
	if all.hasFailed() {
		os.Exit(1)
	}
}

// splitSuites returns the suites in groups that run at the same time, or nil if the
// arguments begin with no suite.
func splitSuites(args []string) (groups [][]suite) {
	number := 0
	for _, a := range args {
		last := len(groups) - 1
		switch {
		case a == "--":
			number++
			groups = append(groups, []suite{{number: number}})
		case last < 0:
			return nil
		case a == "--meanwhile":
			number++
			groups[last] = append(groups[last], suite{number: number, nice: lowestPriority})
		default:
			of := &groups[last][len(groups[last])-1]
			of.args = append(of.args, a)
		}
	}
	return groups
}

// splitEnv returns the variables, NAME=value, that stand before the other arguments.
func splitEnv(args []string) (env, rest []string) {
	n := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "-") || !strings.Contains(a, "=") })
	if n < 0 {
		n = len(args)
	}
	return args[:n], args[n:]
}

// runGroup runs suites at the same time, until all of them have ended.
func runGroup(unattended context.Context, all *tally, screen *screen, group []suite) {
	all.startGroup()
	defer screen.showStatus(all.describeRunning)()
	var suites sync.WaitGroup
	for _, s := range group {
		suites.Go(func() { runSuite(unattended, all, screen, s) })
	}
	suites.Wait()
}

// runSuite runs one go test and adds its events to the tally.
func runSuite(unattended context.Context, all *tally, screen *screen, s suite) {
	env, rest := splitEnv(s.args)
	line := strings.Join(slices.Concat(env, []string{"go", "test"}, rest), " ")
	if s.nice > 0 {
		line += " (at the same time)"
	}
	screen.printLine(line)
	all.addPackages(countPackages(rest))
	if err := followTests(unattended, all, screen, s, env, rest); err != nil {
		all.failSuite(fmt.Sprintf("go test %s: %v", strings.Join(s.args, " "), err))
	}
}

// followTests starts the go command and reads its events until it ends. Ctrl-C
// reaches the command and its tests too, which then end by themselves. With the end of
// unattended the command is told to end, and its tests notice that it has ended.
func followTests(unattended context.Context, all *tally, screen *screen, s suite, env, args []string) error {
	ctx, stop := signal.NotifyContext(unattended, os.Interrupt)
	defer stop()
	command := slices.Concat([]string{"go", "test", "-json"}, args)
	if s.nice > 0 {
		command = slices.Concat([]string{"nice", "-n", strconv.Itoa(s.nice)}, command)
	}
	cmd := exec.Command(command[0], command[1:]...)
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
	var readers sync.WaitGroup
	readers.Go(func() { readLines(stderr, screen.printLine) })
	readers.Go(func() {
		readLines(stdout, func(line string) {
			for _, message := range all.recordLine(s.number, line) {
				screen.printLine(message)
			}
		})
	})
	readers.Wait()
	err = cmd.Wait()
	if ctx.Err() != nil {
		all.interrupt()
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
