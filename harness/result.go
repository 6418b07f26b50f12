package harness

import (
	"slices"
	"time"
)

// ResultVersion is the version of the format of result.json. A reader refuses
// any other.
const ResultVersion = 4

// Comparison is many runs and all that a report needs: reports render from it
// alone. It is the content of result.json. Fields that end in _ns are durations in
// ns; times within a run count from the start of its load.
type Comparison struct {
	Version     int            `json:"version"`
	Started     time.Time      `json:"started"`
	Took        time.Duration  `json:"took_ns"`
	Command     string         `json:"command"` // Command repeats the comparison.
	Seed        uint64         `json:"seed"`
	Backend     string         `json:"backend"`     // Backend is embedded, virtual or docker.
	Broker      string         `json:"broker"`      // Broker says what serves as Kafka.
	Modelled    bool           `json:"modelled"`    // Modelled: no real Kafka ran; the metrics only compare designs.
	Interrupted bool           `json:"interrupted"` // Interrupted: a signal ended it; Runs has what was measured until then.
	Planned     int            `json:"planned"`     // Planned is the number of runs asked for.
	Environment []Setting      `json:"environment"`
	Settings    []Setting      `json:"settings"`
	Scenarios   []ScenarioInfo `json:"scenarios"`
	Consumers   []ConsumerInfo `json:"consumers"`
	Runs        []Run          `json:"runs"`
	Cells       []Cell         `json:"cells"`
	Baselines   []Baseline     `json:"baselines,omitempty"` // Baselines are in the order of time.
}

// Baseline is a run of bare clients with the load of a scenario, before or after its designs.
type Baseline struct {
	Scenario  string     `json:"scenario"`
	When      string     `json:"when"` // When is before or after.
	Started   time.Time  `json:"started"`
	EndToEnd  Quantiles  `json:"end_to_end"` // EndToEnd is from due until a poll of a consumer returned the record, which does no work.
	Ack       Quantiles  `json:"ack"`
	Completed float64    `json:"completed_per_s"`
	Host      HostReport `json:"host"`
	Saturated string     `json:"saturated,omitempty"` // Saturated is as in [Run.Saturated].
}

// Setting is a named value for the last section of a report.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ScenarioInfo is a scenario as it ran, with overrides applied.
type ScenarioInfo struct {
	Name        string        `json:"name"`
	Doc         string        `json:"doc"`
	Pacer       string        `json:"pacer"`
	Producer    string        `json:"producer,omitempty"`  // Producer is what differs from the usual settings of the producer, in words.
	Linger      time.Duration `json:"linger_ns,omitempty"` // Linger of the producer, [NoLinger] for none; 0 in results that do not say it.
	Keys        string        `json:"keys"`
	Service     string        `json:"service"`
	Failures    string        `json:"failures,omitempty"` // Failures of the work in words, "" for none.
	Slowdown    string        `json:"slowdown,omitempty"` // Slowdown of the work in words, "" for none.
	Topic       string        `json:"topic,omitempty"`    // Topic has the replicas and settings of the source topic in words, "" for the usual ones.
	Payload     int           `json:"payload"`            // Payload is the length of a value in bytes, or of all on average.
	Sizes       string        `json:"sizes,omitempty"`    // Sizes are the lengths of values in words, "" if all have one length.
	Profile     string        `json:"profile,omitempty"`  // Profile says in words which topic the load replays, "" for none.
	Partitions  int           `json:"partitions"`
	Pods        int           `json:"pods"`
	Spare       int           `json:"spare,omitempty"` // Spare pods, which only faults start.
	Workers     int           `json:"workers"`
	Window      int           `json:"window"`
	Warmup      time.Duration `json:"warmup_ns"`
	Load        time.Duration `json:"load_ns"` // Load is the time from the first due record to the last.
	Drain       time.Duration `json:"drain_ns"`
	Commit      time.Duration `json:"commit_ns"`
	Session     time.Duration `json:"session_ns"`
	Faults      []string      `json:"faults,omitempty"`     // Faults in words, as "kill broker at 8s, healed 6s later".
	Objectives  string        `json:"objectives,omitempty"` // Objectives as in [Scenario], with those of the command line.
	Conditions  Conditions    `json:"conditions"`
	MayOverload bool          `json:"may_overload,omitempty"`
}

// ConsumerInfo is a consumer as the command line named it.
type ConsumerInfo struct {
	Name        string            `json:"name"` // Name as in Run.Consumer, as keyed@cooperative?workers=8.
	Base        string            `json:"base"` // Base is the implementation's name.
	Doc         string            `json:"doc"`
	Delivery    Delivery          `json:"delivery"`
	Order       Order             `json:"order"`
	Redelivery  Redelivery        `json:"redelivery,omitempty"` // Redelivery is "any" or, as without it, "bounded".
	Protocol    Protocol          `json:"protocol"`
	Parallelism int               `json:"parallelism"`
	Knobs       map[string]string `json:"knobs,omitempty"`
	MustFail    []Expectation     `json:"must_fail,omitempty"` // MustFail: it is a control.
}

// DeliveryClaim says in words how often the consumer promises an effect.
func (i *ConsumerInfo) DeliveryClaim() string { return DescribeDelivery(i.Delivery, i.Redelivery) }

// ClaimsNothing reports whether the consumer claims neither a delivery nor an order.
func (i *ConsumerInfo) ClaimsNothing() bool { return i.Delivery == "" && i.Order == "" }

// Run is one scenario, one consumer, one repeat.
type Run struct {
	Scenario string        `json:"scenario"`
	Consumer string        `json:"consumer"`
	Repeat   int           `json:"repeat"` // Repeat counts from 1.
	Seed     uint64        `json:"seed"`
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took_ns"`
	Parts    []RunPart     `json:"parts,omitempty"` // Parts are where the time went, in their order.

	Status   Status   `json:"status"`
	Reasons  []string `json:"reasons,omitempty"` // Reasons for a status other than pass, the gravest first.
	Expected bool     `json:"expected"`          // Expected: the status does not fail the comparison (a pass, a control that failed, an allowed overload).
	Retried  string   `json:"retried,omitempty"` // Retried is why the first attempt at this run was inconclusive.
	Command  string   `json:"command,omitempty"` // Command repeats this run alone.
	Ledger   string   `json:"ledger,omitempty"`  // Ledger is the folder of its saved ledger.
	// LedgerError is why its ledger could not be saved where it belongs.
	LedgerError string `json:"ledger_error,omitempty"`

	Assumptions []Assumption `json:"assumptions"`
	Verdicts    []Verdict    `json:"verdicts"`
	// Objectives are the verdicts on the objectives of the scenario that apply to the consumer.
	Objectives []ObjectiveResult `json:"objectives,omitempty"`
	Counts     Counts            `json:"counts"`
	Load       LoadReport        `json:"load"`
	Phases     []Phase           `json:"phases"`
	Stages     *LatencyStages    `json:"stages,omitempty"` // Stages is nil without end-to-end latencies.
	Series     Series            `json:"series"`
	Faults     []FaultReport     `json:"faults,omitempty"`
	Pods       []PodReport       `json:"pods"`
	Host       HostReport        `json:"host"`
	// Saturated is why the latencies are those of the machine and not of the design; "" if the
	// machine had room. Verdicts are not affected.
	Saturated string `json:"saturated,omitempty"`
	// EndToEnd is the end-to-end latency of all measured records.
	EndToEnd Quantiles `json:"end_to_end,omitzero"`
	// LoadEnd is when the last record was due. Emptied is when the backlog came to zero and
	// stayed there, [Never] if it was not zero at the end.
	LoadEnd time.Duration `json:"load_end_ns,omitempty"`
	Emptied time.Duration `json:"emptied_ns,omitempty"`
	// Completed is the rate of first effects per second while records were
	// outstanding. Bound is pods x parallelism / the mean service time achieved.
	Completed  float64 `json:"completed_per_s"`
	Bound      float64 `json:"bound_per_s"`
	Rebalances int     `json:"rebalances"` // Rebalances after the group had formed.
}

// KeptClaims reports whether the run passed, or would have passed without its objectives. Its
// metrics are then those of a design that keeps its claims.
func (r *Run) KeptClaims() bool {
	if r.Status == Pass {
		return true
	}
	if r.Status != Fail && r.Status != Inconclusive {
		return false
	}
	unmet := slices.ContainsFunc(r.Objectives, func(o ObjectiveResult) bool { return o.Verdict != ObjectiveMet && o.Check == "" })
	broken := slices.ContainsFunc(r.Assumptions, func(a Assumption) bool { return !a.Held })
	failed := slices.ContainsFunc(r.Verdicts, func(v Verdict) bool { return v.Status == Fail })
	return unmet && !broken && !failed
}

// RunPart is a part of a run: prepare, form, load, drain, stop, final read, seal or replay.
type RunPart struct {
	Name string        `json:"part"`
	Took time.Duration `json:"took_ns"`
	CPU  time.Duration `json:"cpu_ns"` // CPU is the CPU time of the harness: with embedded brokers, without the pods.
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
	Lateness Quantiles `json:"lateness"` // Lateness outside fault intervals.
	Keys     KeyReport `json:"keys"`
	// Partitions are the shares of the source's partitions in the acknowledged records, in [0,1].
	Partitions []float64 `json:"partition_shares,omitempty"`
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

// Phase is a part of a run: warm-up, steady, a fault interval or recovery. A
// record of the warm-up counts there whenever it completes. Any other record counts
// in the phase of its first effect.
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

// StageNames are the stages of the end-to-end latency in their order. A record is due, sent,
// acknowledged, fetched (a poll of the consumer returned it), and worked on.
var StageNames = [...]string{"due to sent", "sent to acked", "acked to fetched", "fetched to started", "work"}

// LatencyStages are the parts of the end-to-end latency of all measured records. A record that was
// fetched before its acknowledgement arrived counts as acknowledged when it was fetched.
type LatencyStages struct {
	Parts []LatencyStage `json:"parts"`
	// Unfetched are records whose consumer did not say when it fetched them: they count as
	// fetched when their work began.
	Unfetched int64 `json:"unfetched,omitempty"`
}

// LatencyStage is one part of the latency.
type LatencyStage struct {
	Name    string    `json:"name"`
	Share   float64   `json:"share"` // Share of the sum of all latencies, in [0,1].
	Latency Quantiles `json:"latency"`
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
	P50       []time.Duration `json:"p50_ns"` // P50, P99 and Max are end-to-end latencies of the records that ended in the step, 0 without such records.
	P99       []time.Duration `json:"p99_ns"`
	Max       []time.Duration `json:"max_ns"`
	// PartitionBacklog, PartitionLag and PartitionAge are by partition, then by step.
	PartitionBacklog [][]int64         `json:"partition_backlog"`
	PartitionLag     [][]int64         `json:"partition_lag"`
	PartitionAge     [][]time.Duration `json:"partition_age_ns"`
}

// Never is the value of a recovery that did not happen within the run.
const Never = time.Duration(-1)

// FaultReport is one injected fault and the recovery of the affected partitions.
type FaultReport struct {
	Name       string        `json:"name"`
	Target     string        `json:"target"`
	Injected   time.Duration `json:"injected_ns"`
	Healed     time.Duration `json:"healed_ns"` // Healed is Never if it was not healed in the run.
	Partitions []int32       `json:"partitions"`
	// The times of the recovery count from the injection; each may be Never. RateBack:
	// the completed rate has been at 90 % of the steady median for 3 s. BacklogBack:
	// the backlog has been at or under its steady p95 for 3 s. Without a steady phase
	// of 5 s, Steady is false, both are 0, and Empty is when the backlog was empty.
	// LongestGap is the longest time without a first effect.
	Steady      bool          `json:"steady"`
	RateBack    time.Duration `json:"rate_back_ns"`
	BacklogBack time.Duration `json:"backlog_back_ns"`
	Empty       time.Duration `json:"empty_ns"`
	LongestGap  time.Duration `json:"longest_gap_ns"`
	// WorkInFlight is the outstanding work of the affected pod, as time of that pod.
	WorkInFlight time.Duration `json:"work_in_flight_ns,omitempty"`
}

// PodReport is what a pod used, over all its incarnations.
type PodReport struct {
	Name         string        `json:"name"`
	Incarnations int           `json:"incarnations"`
	CPU          time.Duration `json:"cpu_ns"`
	MaxRSS       int64         `json:"max_rss_bytes"`
	Exit         string        `json:"exit,omitempty"`   // Exit is why and how it ended, in one line, if the harness did not end it.
	Stderr       string        `json:"stderr,omitempty"` // Stderr is the beginning and the end of what it printed in that case.
	// Survivors are processes that its consumer had started and that the harness could
	// not end after it, as "process 7 (sleep 60)".
	Survivors []string `json:"survivors,omitempty"`
}

// HostReport is the load of the host while the load was measured, from the end of the warm-up on. The
// shares are of all CPUs, in [0,1].
type HostReport struct {
	CPUs  int     `json:"cpus"`
	Busy  float64 `json:"busy"`
	Steal float64 `json:"steal"`
}

// Cell is all runs of one consumer in one scenario.
type Cell struct {
	Scenario string `json:"scenario"`
	Consumer string `json:"consumer"`
	Runs     []int  `json:"runs"`   // Runs are indices into Comparison.Runs.
	Status   Status `json:"status"` // Status is the gravest of its runs.
	Expected bool   `json:"expected"`
	// Curves are the latency curves of the merged histograms of its runs that passed;
	// nil where end-to-end latency is not reported.
	Curves []Curve `json:"curves,omitempty"`
	// Steady are the merged latencies of the steady phase.
	Steady LatencySet `json:"steady"`
	// Saturated: no run that passed had room on the machine, so the latencies are those of the
	// machine. Where some had room, Curves and Steady are theirs alone.
	Saturated bool `json:"saturated,omitempty"`
}

// LatencySet has the four latencies of GLOSSARY.md.
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
