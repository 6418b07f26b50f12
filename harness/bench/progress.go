package bench

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/plain"
)

// display shows the progress of a comparison: bars on a terminal, a line per phase
// elsewhere.
type display struct {
	out     io.Writer
	matrix  *matrix
	ahead   []plannedRun
	bars    *mpb.Progress // nil without a terminal
	total   *mpb.Bar
	current *mpb.Bar
	number  int // of the current run, from 1
	label   string

	mu     sync.Mutex // mpb draws the bars in its own goroutine
	last   engine.Progress
	expect time.Duration // estimated time of the current run
	past   time.Duration // estimated time of the completed runs
	all    time.Duration // estimated time of all runs
}

func newDisplay(out *os.File, m *matrix) *display {
	d := &display{out: out, matrix: m, ahead: m.plannedRuns(runFlag())}
	for _, r := range d.ahead {
		d.all += r.estimateTime()
	}
	if _, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ); err == nil {
		d.bars = mpb.New(mpb.WithOutput(out), mpb.WithWidth(64), mpb.WithRefreshRate(200*time.Millisecond))
	}
	return d
}

// printPlan prints the number of runs and warns of idle pods.
func (d *display) printPlan() {
	fmt.Fprintln(d.out, describePlan(d.ahead, d.matrix.backend))
	for _, s := range d.matrix.scenarios {
		if s.Pods > s.Partitions {
			fmt.Fprintf(d.out, "scenario %s: %d pods share %d partitions, so %d pods will idle\n", s.Name, s.Pods, s.Partitions, s.Pods-s.Partitions)
		}
	}
	if d.bars != nil {
		d.total = d.addBar(int64(len(d.ahead)),
			mpb.PrependDecorators(decor.Name("runs  ", decor.WC{W: 7}), decor.CountersNoUnit("%d / %d", decor.WC{W: 10})),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return d.timeLeft() })))
	}
}

// timeLeft is the estimated time to the end, "" in virtual time, whose speed is
// unknown.
func (d *display) timeLeft() string {
	if harness.IsVirtual(d.matrix.backend) {
		return ""
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	left := d.all - d.past - min(d.expect, d.last.Elapsed)
	return fmt.Sprintf("about %v left", max(0, left).Round(time.Second))
}

// beginRun returns the progress callback of a run, or of its retry.
func (d *display) beginRun(p engine.Plan, retry bool) func(engine.Progress) {
	if !retry {
		d.number++
	}
	d.label = plain.Line(fmt.Sprintf("%s %s %d", p.Scenario.Name, p.Consumer.Name(), p.Repeat))
	d.mu.Lock()
	d.expect = engine.Estimate(p.Scenario, engine.Describe(p.Scenario, p.Consumer).Parallelism)
	d.mu.Unlock()
	if d.bars != nil {
		d.current = d.addBar(d.expect.Milliseconds(), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(d.label+"  ")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return d.describeRun() })))
	}
	if d.bars != nil {
		// The first use makes a channel of the bar's. Made by the progress of a run in
		// virtual time it would belong to that bubble, and the bar must not wait for it.
		d.current.SetCurrent(0)
	}
	return d.showProgress
}

// addBar adds a bar. Once the terminal has closed, bars end: then it returns nil, and
// the display goes on with lines.
func (d *display) addBar(total int64, options ...mpb.BarOption) *mpb.Bar {
	bar, err := d.bars.Add(total, mpb.BarStyle().Build(), options...)
	if err != nil {
		d.bars = nil
	}
	return bar
}

func (d *display) showProgress(e engine.Progress) {
	d.mu.Lock()
	before := d.last
	d.last = e
	d.mu.Unlock()
	if d.bars != nil {
		d.current.SetCurrent(min(e.Elapsed, d.expect-time.Millisecond).Milliseconds())
		return
	}
	if e.Phase == before.Phase && e.Delay == before.Delay {
		return
	}
	if e.Delay != "" {
		fmt.Fprintf(d.out, "%s: %s: %s\n", d.runPrefix(), e.Phase, plain.Line(e.Delay))
		return
	}
	switch e.Phase { // the other phases are too short for a line
	case "starting":
		fmt.Fprintf(d.out, "%s: starting\n", d.runPrefix())
	case "load", "drain", "judging":
		fmt.Fprintf(d.out, "%s: %s, sent %d, completed %d\n", d.runPrefix(), e.Phase, e.Sent, e.Completed)
	}
}

func (d *display) runPrefix() string {
	return fmt.Sprintf("[%d/%d] %s", d.number, len(d.ahead), d.label)
}

// describeRun describes the current run.
func (d *display) describeRun() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last.Delay != "" {
		return d.last.Phase + ": " + plain.Line(d.last.Delay)
	}
	if d.last.Sent == 0 {
		return d.last.Phase
	}
	return fmt.Sprintf("%-8s %6.0f/s  backlog %d", d.last.Phase, d.last.Rate, d.last.Backlog)
}

// endRun ends the display of a run; o is nil if the run was not possible. again is
// the reason why the run will be repeated, if it will.
func (d *display) endRun(o *engine.Outcome, again string) {
	status := "could not run"
	if o != nil {
		status = fmt.Sprintf("%s, %.0f/s, took %v", o.Run.Status, o.Run.Completed, o.Run.Took.Round(100*time.Millisecond))
	}
	if again != "" {
		status += "; runs again: " + plain.Line(again)
	}
	d.mu.Lock()
	d.last = engine.Progress{}
	if again == "" {
		d.past += d.expect
		d.expect = 0
	}
	d.mu.Unlock()
	lines := fmt.Sprintf("%s: %s\n", d.runPrefix(), status)
	if o != nil && o.Run.Ledger != "" {
		lines += fmt.Sprintf("%s: its ledger is in %s\n", d.runPrefix(), plain.Line(o.Run.Ledger))
	}
	if d.bars == nil {
		fmt.Fprint(d.out, lines)
		return
	}
	d.current.Abort(true)
	if again == "" {
		d.total.Increment()
	}
	fmt.Fprint(d.bars, lines)
}

// closeBars leaves the terminal in order.
func (d *display) closeBars() {
	if d.bars == nil {
		return
	}
	d.total.Abort(false)
	d.bars.Wait()
}
