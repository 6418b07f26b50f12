package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/plain"
	"github.com/stampede-bench/stampede/harness/sizing"
	"github.com/stampede-bench/stampede/reports"
)

// capacityConsumers are the default consumers of a search: one for each way to keep order.
const capacityConsumers = "serial,partition,hashq,keyed,unordered"

// capacityFlags are the flags of a search.
type capacityFlags struct {
	seek        sizing.Seek
	sweep       string
	short, full time.Duration
	width       float64
	least, most float64
	budget      time.Duration
	check       string
	peak        string
}

// defaultObjectives keep the backlog from growing. A user adds the latencies that matter.
const defaultObjectives = "trend<1%"

// defineFlags adds the flags of a search to fs.
func (f *capacityFlags) defineFlags(fs *flag.FlagSet) {
	fs.Var(seekFlag(&f.seek), "seek", "what TestCapacity looks for: the highest rate that the pods hold, or the fewest pods, workers or partitions that hold the rate")
	fs.StringVar(&f.sweep, "sweep", "", "values to search for, as 'pods=2,4;keys=uniform:20000,hot:0.2/1/10000': each combination gets an answer")
	fs.DurationVar(&f.short, "short-trial", 15*time.Second, "load of a trial that searches")
	fs.DurationVar(&f.full, "full-trial", 40*time.Second, "load of a trial that confirms an answer")
	fs.Float64Var(&f.width, "width", 0.03, "how close the bounds of an answer must be, as a share of the rate")
	fs.StringVar(&f.peak, "peak", "", "what TestPlan plans for: the peak as a factor of the rate, as 3x")
	fs.StringVar(&f.check, "check", "", "back ends on which up to three answers are searched again in real time, as embedded or embedded=3,docker=1")
	fs.DurationVar(&f.budget, "budget", 0, "real time that one answer may take (default no limit)")
}

func seekFlag(to *sizing.Seek) flag.Value {
	return &value{parse: func(s string) error {
		if *to = sizing.Seek(s); !slices.Contains(sizing.Seeks, *to) {
			return fmt.Errorf("want one of %v", sizing.Seeks)
		}
		return nil
	}}
}

// search is the state of the searches of one command.
type search struct {
	options   options
	backend   harness.Backend
	questions []sizing.Question
	checks    []checkPlan
	report    *capacity.Report

	mu sync.Mutex // mu guards the answers of the report, which parallel tests find.
}

// Capacity searches how much the consumers carry, and reports that with the bounds. Without -seek it
// is skipped. Each answer is a subtest.
func Capacity(t *testing.T) {
	o := opts
	if o.capacity.seek == "" {
		t.Skip("make capacity searches how much a consumer carries")
	}
	s, err := prepareSearch(process.ctx, o)
	if err != nil {
		raiseExit(exitNoRun)
		t.Fatalf("nothing was searched: %v", plain.Error(err))
	}
	if !harness.IsVirtual(s.backend) || o.capacity.check != "" {
		if err := lock.Wait(t); err != nil {
			raiseExit(exitNoRun)
			t.Fatalf("nothing was searched: %v", err)
		}
	}
	closeAtExit(s.backend)
	t.Run("search", func(t *testing.T) {
		for i, q := range s.questions {
			t.Run(s.nameOf(i), func(t *testing.T) {
				if harness.IsVirtual(s.backend) {
					t.Parallel() // virtual time has no processors that the others could take away
				}
				s.answer(t, i, q)
			})
		}
	})
	s.check(t)
	if err := s.publish(); err != nil {
		raiseExit(exitFailed)
		complain(err)
		t.Error(plain.Error(err))
	}
	if s.report.Interrupted {
		raiseExit(exitFailed)
		t.Error("interrupted")
	}
}

// prepareSearch checks all input before the first trial.
func prepareSearch(ctx context.Context, o options) (*search, error) {
	setups, err := parseSweep(o.capacity.sweep, o.over)
	if err != nil {
		return nil, err
	}
	if o.scenario == "" {
		o.scenario = "steady"
	}
	if o.consumer == "" {
		o.consumer = capacityConsumers
	}
	s := &search{options: o}
	if s.checks, err = parseChecks(o.capacity.check); err != nil {
		return nil, err
	}
	for _, with := range setups {
		o.over = with.over
		m, err := o.resolveMatrix()
		if err != nil {
			return nil, err
		}
		if err := o.checkLimits(m, machineMemory()); err != nil {
			return nil, err
		}
		s.backend = m.backend
		for i := range m.scenarios {
			if m.scenarios[i].Objectives == "" {
				m.scenarios[i].Objectives = defaultObjectives
			}
			for _, c := range m.consumersFor(&m.scenarios[i]) {
				s.questions = append(s.questions, o.question(m.scenarios[i], c, m.backend, with.settings))
			}
		}
	}
	if o.out != "" {
		if err := openOut(o.out); err != nil {
			return nil, err
		}
	}
	for _, b := range s.backends() {
		if p, ok := b.(harness.Preflighter); ok {
			if err := p.Preflight(ctx); err != nil {
				return nil, err
			}
		}
	}
	s.report = &capacity.Report{
		Version: capacity.ReportVersion, Started: time.Now().UTC().Truncate(time.Millisecond), Command: testCommand(o.broker, "^TestCapacity$", withoutFlags(o.given, "-out")),
		Seed: o.seed, Backend: s.backend.Name(), Virtual: harness.IsVirtual(s.backend), Planned: len(s.questions), Environment: describeMachine(),
		Answers: make([]capacity.Answer, len(s.questions)),
	}
	return s, nil
}

// backends are all on which trials are made.
func (s *search) backends() []harness.Backend {
	all := []harness.Backend{s.backend}
	for _, c := range s.checks {
		all = append(all, c.backend)
	}
	return all
}

func (o *options) question(s harness.Scenario, c harness.Selection, b harness.Backend, set []harness.Setting) sizing.Question {
	k := o.capacity
	return sizing.Question{
		Scenario: s, Consumer: c, Backend: b, Seek: k.seek, Seed: o.seed, Setup: set,
		Lengths: sizing.Lengths{Short: k.short, Full: k.full}, Width: k.width, Least: k.least, Most: k.most,
		Budget: capacity.Budget{Time: k.budget},
	}
}

// nameOf names a question as a subtest.
func (s *search) nameOf(i int) string {
	q := &s.questions[i]
	name := q.Scenario.Name + "/" + subtestName(q.Consumer)
	for _, set := range q.Setup {
		name += "," + set.Name + "=" + strings.ReplaceAll(set.Value, "/", ":")
	}
	return name
}

// answer searches for one answer.
func (s *search) answer(t *testing.T, i int, q sizing.Question) {
	if process.ctx.Err() != nil {
		t.Skip("interrupted")
	}
	run := func(ctx context.Context, p engine.Plan) (*engine.Outcome, error) { return makeRun(ctx, t, p) }
	a, err := q.Answer(process.ctx, run, func(p capacity.Progress) { s.tell(i, p) })
	if err != nil {
		a.Failed = shortenError(err)
	}
	s.mu.Lock()
	s.report.Answers[i] = a
	s.mu.Unlock()
	switch {
	case err != nil && process.ctx.Err() != nil:
		t.Skip("interrupted")
	case err != nil:
		raiseExit(exitNoRun)
		t.Fatal(plain.Error(err))
	}
}

// tell prints a trial.
func (s *search) tell(i int, p capacity.Progress) {
	var verdicts []string
	for _, g := range p.Result.Goals {
		verdicts = append(verdicts, fmt.Sprintf("%s %s", g.Goal.Name, p.Trial.Verdicts[g.Goal.Name]))
	}
	line := fmt.Sprintf("[%d/%d] %s: %s at %.5g %s for %v: %s", i+1, len(s.questions), s.nameOf(i), p.Trial.Purpose, p.Trial.Load, p.Result.Axis.Unit,
		p.Trial.Duration, strings.Join(verdicts, ", "))
	if len(p.Trial.Detail) > 0 {
		line += " (" + p.Trial.Detail[0] + ")"
	}
	fmt.Fprintln(os.Stderr, plain.Line(line))
}

// publish completes the report, writes the files of -out, and prints it.
func (s *search) publish() error {
	r := s.report
	r.Took = time.Since(r.Started).Round(time.Millisecond)
	r.Interrupted = process.ctx.Err() != nil
	r.Answers = slices.DeleteFunc(r.Answers, func(a capacity.Answer) bool { return a.Consumer.Name == "" })
	if r.Plan != nil {
		r.Plan.Designs = slices.DeleteFunc(r.Plan.Designs, func(d capacity.DesignPlan) bool { return d.Consumer.Name == "" })
	}
	if d, ok := s.backend.(harness.Describer); ok {
		r.Broker, r.Modelled = d.Describe(), d.Modelled()
	}
	if len(r.Answers) == 0 && (r.Plan == nil || len(r.Plan.Designs) == 0) {
		return errors.New("nothing was searched")
	}
	var written error
	if s.options.out != "" {
		written = reports.WriteCapacity(s.options.out, r)
	}
	return errors.Join(written, reports.RenderCapacityText(os.Stdout, r))
}

// capacityFile is the name of a saved report of searches.
const capacityFile = "capacity.json"

// renderCapacity writes a saved report of searches again.
func renderCapacity(from io.Reader, in, out string) error {
	r, err := reports.ReadCapacity(from)
	if err != nil {
		return fmt.Errorf("saved result %s: %w", in, err)
	}
	if out != "" {
		if err := reports.WriteCapacity(out, r); err != nil {
			return err
		}
	}
	return reports.RenderCapacityText(os.Stdout, r)
}

// AnswerVirtual answers a question by trials in virtual time. Parallel tests may call it, any number of
// times.
func AnswerVirtual(t *testing.T, q sizing.Question) (capacity.Answer, error) {
	q.Backend = virtual.Backend{}
	return q.Answer(t.Context(), func(ctx context.Context, p engine.Plan) (*engine.Outcome, error) { return runInBubble(ctx, t, p) }, nil)
}
