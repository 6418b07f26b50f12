package engine

import (
	"fmt"
	"regexp"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// Spin is why the context of [Run] ends if a pod spins: it sends requests without end
// while the clock of virtual time stands still. Such a run cannot go on. It is a failure
// of the consumer, which [oracle.CheckPodLiveness] names.
type Spin struct {
	Client string // Client is the client id that sends them.
	What   string // What says which requests, and how many.
}

// Error implements error.
func (s Spin) Error() string { return fmt.Sprintf("%s spins: %s", s.Client, s.What) }

var clientOfPod = regexp.MustCompile(`^pod-\d+\.\d+$`)

// OfPod reports whether a pod of the run spins. Otherwise the harness may be at fault.
func (s Spin) OfPod() bool { return clientOfPod.MatchString(s.Client) }

// spinningOutcome is the outcome of a run that a spinning pod has stopped. No other check
// can judge it: the brokers respond to no client any more.
func (r *run) spinningOutcome(s Spin) *Outcome {
	var at time.Duration
	if l := r.reporter.load; l != nil {
		at = l.time.elapsed()
	}
	out := harness.Run{
		Scenario: r.Scenario.Name, Consumer: r.Consumer.Name(), Repeat: r.Repeat, Seed: r.Seed, Command: r.Command,
		Started: r.started, Took: time.Since(r.started).Round(time.Millisecond),
		Verdicts: []harness.Verdict{{
			Check: oracle.CheckPodLiveness, HeldTo: heldToLiveness, Status: harness.Fail, Count: 1,
			Examples: []harness.Anomaly{{Text: "spins: " + s.What, Pods: []string{s.Client}, At: at}},
		}},
		Assumptions: []harness.Assumption{{Name: oracle.DrainEnded, Detail: "a pod spins, so the run was cut short: no other check judges it"}},
	}
	r.decideStatus(&out)
	return &Outcome{Run: out, Latencies: &measure.Latencies{}}
}
