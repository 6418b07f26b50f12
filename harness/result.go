package harness

import "time"

// ResultVersion is the version of the format of result.json. A reader refuses
// any other.
const ResultVersion = 2

// Comparison is many runs, and all a report needs: reports render from it alone.
// It is the content of result.json. Durations are ns, fields that say so end in
// _ns; times within a run count from the start of its load.
type Comparison struct {
	Version     int            `json:"version"`
	Started     time.Time      `json:"started"`
	Took        time.Duration  `json:"took_ns"`
	Command     string         `json:"command"` // Command repeats the comparison.
	Seed        uint64         `json:"seed"`
	Backend     string         `json:"backend"`     // Backend is embedded, virtual or docker.
	Broker      string         `json:"broker"`      // Broker says what served as Kafka.
	Modelled    bool           `json:"modelled"`    // Modelled: no real Kafka ran; figures rank designs only.
	Interrupted bool           `json:"interrupted"` // Interrupted: ended by a signal; Runs has what was measured so far.
	Planned     int            `json:"planned"`     // Planned is the number of runs asked for.
	Environment []Setting      `json:"environment"`
	Settings    []Setting      `json:"settings"`
	Scenarios   []ScenarioInfo `json:"scenarios"`
	Consumers   []ConsumerInfo `json:"consumers"`
	Runs        []Run          `json:"runs"`
	Cells       []Cell         `json:"cells"`
}

// Setting is a named value for the report's last pages.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ScenarioInfo is a scenario as it was run, overrides applied.
type ScenarioInfo struct {
	Name        string        `json:"name"`
	Doc         string        `json:"doc"`
	Pacer       string        `json:"pacer"`
	Keys        string        `json:"keys"`
	Service     string        `json:"service"`
	Failures    string        `json:"failures,omitempty"` // Failures of the work in words, "" for none.
	Slowdown    string        `json:"slowdown,omitempty"` // Slowdown of the work in words, "" for none.
	Payload     int           `json:"payload"`
	Partitions  int           `json:"partitions"`
	Pods        int           `json:"pods"`
	Spare       int           `json:"spare,omitempty"` // Spare pods beside those, for faults to start.
	Workers     int           `json:"workers"`
	Window      int           `json:"window"`
	Warmup      time.Duration `json:"warmup_ns"`
	Load        time.Duration `json:"load_ns"` // Load is first due to last due.
	Drain       time.Duration `json:"drain_ns"`
	Commit      time.Duration `json:"commit_ns"`
	Session     time.Duration `json:"session_ns"`
	Faults      []string      `json:"faults,omitempty"` // Faults in words, as "kill broker at 8s, healed 6s later".
	Thresholds  Thresholds    `json:"thresholds"`
	MayOverload bool          `json:"may_overload,omitempty"`
}

// ConsumerInfo is a consumer as it was named on the line.
type ConsumerInfo struct {
	Name        string            `json:"name"` // Name as in Run.Consumer, as keyed@cooperative?workers=8.
	Base        string            `json:"base"` // Base is the implementation's name.
	Doc         string            `json:"doc"`
	Delivery    Delivery          `json:"delivery"`
	Order       Order             `json:"order"`
	Protocol    Protocol          `json:"protocol"`
	Parallelism int               `json:"parallelism"`
	Knobs       map[string]string `json:"knobs,omitempty"`
	MustFail    []Expectation     `json:"must_fail,omitempty"` // MustFail: it is a control.
}

// Status is how a run, or one check of it, came out.
type Status string

// The statuses; see the table in DESIGN.md.
const (
	Pass         Status = "pass"
	Fail         Status = "fail"
	Overload     Status = "overload"
	Inconclusive Status = "inconclusive"
	Skipped      Status = "skipped"
	NotObserved  Status = "not observed" // of a check: this back end cannot see it
	NotJudged    Status = "not judged"   // of a check: counted, but not claimed by this consumer
)

// Run is one scenario, one consumer, one repeat.
type Run struct {
	Scenario string        `json:"scenario"`
	Consumer string        `json:"consumer"`
	Repeat   int           `json:"repeat"` // Repeat counts from 1.
	Seed     uint64        `json:"seed"`
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took_ns"`

	Status   Status   `json:"status"`
	Reasons  []string `json:"reasons,omitempty"` // Reasons for a status other than pass, the first the gravest.
	Expected bool     `json:"expected"`          // Expected: the status is fine for the exit code (a control that must fail did, an overload was allowed, ...).
	Retried  string   `json:"retried,omitempty"` // Retried is why a first try was inconclusive.
	Command  string   `json:"command,omitempty"` // Command repeats this run alone.
	Ledger   string   `json:"ledger,omitempty"`  // Ledger is the folder its ledger is kept in.

	Assumptions []Assumption  `json:"assumptions"`
	Verdicts    []Verdict     `json:"verdicts"`
	Counts      Counts        `json:"counts"`
	Load        LoadReport    `json:"load"`
	Phases      []Phase       `json:"phases"`
	Series      Series        `json:"series"`
	Faults      []FaultReport `json:"faults,omitempty"`
	Pods        []PodReport   `json:"pods"`
	Host        HostReport    `json:"host"`
	// Completed is the rate of first effects while there was load to do, per
	// second; Bound is pods x parallelism / the mean service time achieved.
	Completed  float64 `json:"completed_per_s"`
	Bound      float64 `json:"bound_per_s"`
	Rebalances int     `json:"rebalances"` // Rebalances after the group had formed.
}

// Assumption is what must hold before verdicts mean anything.
type Assumption struct {
	Name   string `json:"name"`
	Held   bool   `json:"held"`
	Detail string `json:"detail"`
}

// Verdict is one check: observed against claimed.
type Verdict struct {
	Check  string `json:"check"`
	HeldTo string `json:"held_to"` // HeldTo is the guarantee it is held to, as "at-least-once" or "order by key"; "" for a figure.
	Status Status `json:"status"`
	Count  int64  `json:"count"` // Count of anomalies.
	Detail string `json:"detail,omitempty"`
	// AtMost is what finding nothing proves: with 95 % confidence an anomaly strikes
	// at most this share of the injections of such a run, or of its records if it
	// had none. 0 where the check did not pass.
	AtMost   float64   `json:"at_most,omitempty"`
	Examples []Anomaly `json:"examples,omitempty"` // Examples are the first few.
}

// Anomaly is one thing that went wrong, with all that is needed to follow it.
type Anomaly struct {
	Text      string          `json:"text"` // Text spells it out in a sentence.
	Key       uint32          `json:"key"`
	Seq       uint32          `json:"seq"`
	Topic     uint16          `json:"topic,omitempty"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Pods      []string        `json:"pods,omitempty"`
	At        time.Duration   `json:"at_ns"`
	Timeline  []TimelineEntry `json:"timeline,omitempty"` // Timeline is what happened around it, in the order of time; the first example of a verdict has one.
}

// TimelineEntry is one thing in the story of an [Anomaly]: the record's way, the work
// on it and on its neighbours of the same key, commits, owners and faults.
type TimelineEntry struct {
	At    time.Duration `json:"at_ns"`
	Until time.Duration `json:"until_ns,omitempty"` // Until is when it ended, 0 for what took no time.
	Track string        `json:"track"`              // Track is where it happened: record, commits, owner, faults, or an incarnation.
	Text  string        `json:"text"`
	Bad   bool          `json:"bad,omitempty"` // Bad: it is what the anomaly is about.
	// Omitted is how many moments of its lane, from At until Until, a line stands for that
	// leaves them out; 0 for a moment.
	Omitted int `json:"omitted,omitempty"`
}

// Counts are the totals of a run, in records.
type Counts struct {
	Sent        int64 `json:"sent"`
	Acked       int64 `json:"acked"`
	Failed      int64 `json:"failed"`
	Unknown     int64 `json:"unknown"`
	Appended    int64 `json:"appended"`
	Completed   int64 `json:"completed"`
	Attempts    int64 `json:"attempts"`
	Lost        int64 `json:"lost"`
	BrokerLost  int64 `json:"lost_by_broker"`
	Unfinished  int64 `json:"unfinished"`
	Redelivered int64 `json:"redelivered"`
	Unexplained int64 `json:"unexplained_duplicates"`
	Inversions  int64 `json:"inversions"`
	Overlaps    int64 `json:"overlaps"`
	Clamped     int64 `json:"clamped"` // Clamped values fell out of a histogram's range.
}

// LoadReport is the load as achieved.
type LoadReport struct {
	Offered  float64   `json:"offered_per_s"`
	Sent     float64   `json:"sent_per_s"`
	Flood    bool      `json:"flood,omitempty"`
	Lateness Quantiles `json:"lateness"` // Lateness outside fault windows.
	Keys     KeyReport `json:"keys"`
}

// KeyReport is the key distribution as achieved.
type KeyReport struct {
	Distinct int        `json:"distinct"`
	Top      []KeyShare `json:"top"`                     // Top are the most frequent keys.
	Top1Pct  float64    `json:"top1_pct"`                // Top1Pct is the share of records on the most frequent 1 % of the keys, in [0,1].
	MaxPart  float64    `json:"max_over_mean_partition"` // MaxPart is the fullest partition over the mean.
}

// KeyShare is a key's share of the records, in [0,1].
type KeyShare struct {
	Key   uint32  `json:"key"`
	Share float64 `json:"share"`
}

// Quantiles summarise a histogram.
type Quantiles struct {
	N    int64         `json:"n"`
	Mean time.Duration `json:"mean_ns"`
	P50  time.Duration `json:"p50_ns"`
	P90  time.Duration `json:"p90_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p999_ns"`
	Max  time.Duration `json:"max_ns"`
}

// Phase is a part of a run: warm-up, steady, a fault window or recovery. A
// record of the warm-up counts there whenever it ends; any other counts in the
// phase in which its first effect ended.
type Phase struct {
	Name      string        `json:"name"`
	From      time.Duration `json:"from_ns"`
	To        time.Duration `json:"to_ns"`
	Offered   float64       `json:"offered_per_s"`
	Completed float64       `json:"completed_per_s"`
	EndToEnd  Quantiles     `json:"end_to_end"`
	Delivery  Quantiles     `json:"delivery"`
	Service   Quantiles     `json:"service"`
	Ack       Quantiles     `json:"ack"`
}

// Series are measures over time. Element i of a slice covers
// [i*Step, (i+1)*Step); a level is taken at the end of its step.
type Series struct {
	Step      time.Duration   `json:"step_ns"`
	Offered   []float64       `json:"offered_per_s"`
	Completed []float64       `json:"completed_per_s"`
	Backlog   []int64         `json:"backlog"`
	Lag       []int64         `json:"lag"`
	Age       []time.Duration `json:"age_ns"`
	P50       []time.Duration `json:"p50_ns"` // P50, P99 and Max are end-to-end latencies of the records that ended in the step; 0 where none did.
	P99       []time.Duration `json:"p99_ns"`
	Max       []time.Duration `json:"max_ns"`
	// PartitionBacklog, PartitionLag and PartitionAge are by partition, then by step.
	PartitionBacklog [][]int64         `json:"partition_backlog"`
	PartitionLag     [][]int64         `json:"partition_lag"`
	PartitionAge     [][]time.Duration `json:"partition_age_ns"`
}

// Never is the value of a recovery that did not happen within the run.
const Never = time.Duration(-1)

// FaultReport is one injected fault and what became of the affected partitions.
type FaultReport struct {
	Name       string        `json:"name"`
	Target     string        `json:"target"`
	Injected   time.Duration `json:"injected_ns"`
	Healed     time.Duration `json:"healed_ns"` // Healed is Never if it was not healed in the run.
	Partitions []int32       `json:"partitions"`
	// Recovery, each from the injection. RateBack: the completed rate is at 90 %
	// of the steady median for 3 s. BacklogBack: the backlog is at or under its
	// steady p95 for 3 s. Without a steady phase of 5 s both are 0 with Steady
	// false, and Empty says when the backlog was gone. LongestGap is the longest
	// time without a first effect. Each may be Never.
	Steady      bool          `json:"steady"`
	RateBack    time.Duration `json:"rate_back_ns"`
	BacklogBack time.Duration `json:"backlog_back_ns"`
	Empty       time.Duration `json:"empty_ns"`
	LongestGap  time.Duration `json:"longest_gap_ns"`
	// WorkInFlight is the work that the struck pod held, in time of that pod.
	WorkInFlight time.Duration `json:"work_in_flight_ns,omitempty"`
}

// PodReport is what a pod used, over all its incarnations.
type PodReport struct {
	Name         string        `json:"name"`
	Incarnations int           `json:"incarnations"`
	CPU          time.Duration `json:"cpu_ns"`
	MaxRSS       int64         `json:"max_rss_bytes"`
	Exit         string        `json:"exit,omitempty"`   // Exit says how it ended if it ended by itself.
	Stderr       string        `json:"stderr,omitempty"` // Stderr is the tail of its standard error then.
}

// HostReport is the load of the host during the run, as shares of all CPUs in [0,1].
type HostReport struct {
	CPUs  int     `json:"cpus"`
	Busy  float64 `json:"busy"`
	Steal float64 `json:"steal"`
}

// Cell is one consumer in one scenario: its runs together.
type Cell struct {
	Scenario string `json:"scenario"`
	Consumer string `json:"consumer"`
	Runs     []int  `json:"runs"`   // Runs are indices into Comparison.Runs.
	Status   Status `json:"status"` // Status is the gravest of its runs.
	Expected bool   `json:"expected"`
	// Curves are of the latencies of its runs that passed, their histograms
	// merged; nil where end-to-end latency is not reported.
	Curves []Curve `json:"curves,omitempty"`
	// Steady are the merged latencies of the steady phase.
	Steady LatencySet `json:"steady"`
}

// LatencySet has the four latencies of DESIGN.md.
type LatencySet struct {
	EndToEnd Quantiles `json:"end_to_end"`
	Delivery Quantiles `json:"delivery"`
	Service  Quantiles `json:"service"`
	Ack      Quantiles `json:"ack"`
}

// Curve is a percentile curve of the end-to-end latency of one phase ("all":
// every measured record).
type Curve struct {
	Phase  string       `json:"phase"`
	N      int64        `json:"n"`
	Points []CurvePoint `json:"points"`
}

// CurvePoint is a quantile in [0,1] and its latency.
type CurvePoint struct {
	Quantile float64       `json:"q"`
	Latency  time.Duration `json:"ns"`
}
