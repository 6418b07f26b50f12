package harness

import "time"

// Scenario is load, topology, work, faults and objectives: plain data, registered
// by name. Flags of the command line override the fields that name a flag.
type Scenario struct {
	Name string
	Doc  string // Doc is the question that it answers, in one or two sentences.

	Load     Load
	Producer ProducerSettings // Producer has the settings of the client that sends the load.
	Service  Service          // Service is how long the work on a record takes (-service).

	// Prepare is the share of the service time, above 0 and below 1, that
	// [PreparedWork] can do ahead. Only designs that prepare use it. 0: 0.8.
	Prepare float64

	Failures Failures // Failures say which work fails.
	Slowdown Slowdown // Slowdown is a period in which the work is slow.

	Partitions int // Partitions of the source topic (-partitions).
	Replicas   int // Replicas of each partition of the source topic. 0: 3.
	// TopicConfig are further settings of the source topic, by Kafka's names, as
	// "min.insync.replicas". A model of Kafka may store a setting that it does not obey.
	TopicConfig map[string]string

	Pods  int // Pods of the consumer (-pods).
	Spare int // Spare pods are further ones that only a fault starts.

	// Workers, Window and MaxPoll are the defaults of [Config]. A flag overrides
	// them, a knob of the consumer overrides the flag. 0: 50, 500, 100.
	Workers, Window, MaxPoll int

	// Commit and Session are the commit interval and the session timeout (-commit,
	// -session). 0: 1 s and 6 s. The heartbeat interval is a sixth of the session.
	Commit, Session time.Duration

	// Warmup is the first part of the load: judged, not measured. It counts into
	// the duration of Load.
	Warmup time.Duration

	// Drain is the longest time that the run waits for the backlog after the load.
	// 0: 30 s.
	Drain time.Duration

	Injections []Injection

	// Objectives are what a run must reach in addition to keeping its claims, in the syntax of
	// the flag -slo: "rss-max<=64MiB, of-bound>=90%". Package slo has it. "" asks for nothing.
	Objectives string
	Conditions Conditions

	// MayOverload says that a consumer that cannot keep up is an answer here and no
	// failure.
	MayOverload bool

	// Consumers are the default consumers of the scenario, each as on the command
	// line; one that is not registered is left out. Empty, or with no registered
	// one: all.
	Consumers []string

	// Extra leaves the scenario out of [SuiteSmoke]. It runs where it is named, and in the
	// other suites.
	Extra bool
}

// Conditions are what must hold in a run for its verdicts to mean something. A run without
// them is inconclusive.
type Conditions struct {
	// Lateness limits the p99 of the producer's lateness outside fault intervals. 0: 100 ms.
	Lateness time.Duration `json:"lateness_ns,omitempty"`
	// WorkInFlight asks that the partitions of the pod had records outstanding for
	// this many commit intervals of its work, at the first kill of a pod. 0: not asked.
	WorkInFlight float64 `json:"work_in_flight,omitempty"`
}

// Injection is one fault at one time.
type Injection struct {
	Fault Fault
	// At is when the fault is injected, counted from the start of the load.
	At time.Duration
	// HealAfter is how long after the end of the injection it is healed; HealSessions adds
	// that many session timeouts. Both 0: it is never healed.
	HealAfter    time.Duration
	HealSessions int
}

// HealsAfter is how long after the end of its injection the fault is healed under a session
// timeout; ok is false if it never is.
func (i Injection) HealsAfter(session time.Duration) (after time.Duration, ok bool) {
	after = i.HealAfter + time.Duration(i.HealSessions)*session
	return after, after > 0
}
