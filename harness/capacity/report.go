package capacity

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// ReportVersion is the version of the format of capacity.json. A reader refuses any other.
const ReportVersion = 1

// Report is what searches found, and all that its page needs: the content of capacity.json. Fields
// that end in _ns are durations in ns.
type Report struct {
	Version     int               `json:"version"`
	Started     time.Time         `json:"started"`
	Took        time.Duration     `json:"took_ns"`
	Command     string            `json:"command"` // Command repeats the searches.
	Seed        uint64            `json:"seed"`
	Backend     string            `json:"backend"`     // Backend is embedded, virtual or docker.
	Broker      string            `json:"broker"`      // Broker says what serves as Kafka.
	Modelled    bool              `json:"modelled"`    // Modelled: no real Kafka ran.
	Virtual     bool              `json:"virtual"`     // Virtual: time was virtual, so processors, garbage collection and networks have no part in it.
	Interrupted bool              `json:"interrupted"` // Interrupted: a signal ended it; Answers has what was found until then.
	Planned     int               `json:"planned"`     // Planned is the number of answers asked for.
	Environment []harness.Setting `json:"environment"`
	Answers     []Answer          `json:"answers,omitempty"`
	Plan        *Plan             `json:"plan,omitempty"` // Plan is nil unless one was asked for.
}

// Answer is what a search found for one consumer in one setup.
type Answer struct {
	Scenario   harness.ScenarioInfo `json:"scenario"`
	Consumer   harness.ConsumerInfo `json:"consumer"`
	Setup      []harness.Setting    `json:"setup,omitempty"`       // Setup is what a sweep set, as "keys" to "hot:0.2/1/10000".
	Seek       string               `json:"seek"`                  // Seek is what was searched for: rate, pods, workers or partitions.
	Rate       float64              `json:"rate_per_s,omitempty"`  // Rate is the offered rate, unless that was searched for.
	Asked      float64              `json:"asked_per_s,omitempty"` // Asked is the rate of the scenario, which a search for a rate need not reach.
	Objectives string               `json:"objectives"`
	Took       time.Duration        `json:"took_ns"`

	Bounds []Bound `json:"bounds,omitempty"` // Bounds at the answer, the tightest first.
	Result *Result `json:"result,omitempty"` // Result is nil if no trial was made.
	// Saturation is the rate at which a standing backlog was drained, nil if it was not measured.
	Saturation *Drained `json:"saturation,omitempty"`
	Points     []Point  `json:"points,omitempty"`  // Points are runs at shares of the capacity, the lowest first.
	Knee       *Knee    `json:"knee,omitempty"`    // Knee of the p99 over the points, nil if it is not known.
	Checks     []Check  `json:"checks,omitempty"`  // Checks are searches for the same in real time.
	Remarks    []string `json:"remarks,omitempty"` // Remarks are what a reader must know of this answer.
	Failed     string   `json:"failed,omitempty"`  // Failed is why there is no answer, "" if there is one.
}

// Drained is a standing backlog that was drained.
type Drained struct {
	Saturation
	Records int64  `json:"records"`
	Remark  string `json:"remark,omitempty"` // Remark is why the rate means little, "" if it does not.
}

// Point is a run at a share of the capacity.
type Point struct {
	Share       float64           `json:"share"` // Share of the capacity, in [0,1].
	Rate        float64           `json:"rate_per_s"`
	Utilisation float64           `json:"utilisation"` // Utilisation of the tightest bound that is serial.
	EndToEnd    harness.Quantiles `json:"end_to_end"`
	Status      harness.Status    `json:"status"`
}

// Check is a search on another back end for what was found in virtual time.
type Check struct {
	Backend string  `json:"backend"`
	Result  *Result `json:"result,omitempty"`
	// Error is how far the rate is from that of virtual time, as a share of that.
	Error  float64 `json:"error"`
	Remark string  `json:"remark,omitempty"` // Remark explains a difference, as a machine without room.
	Failed string  `json:"failed,omitempty"`
}

// Capacity is the rate or the resources of the answer: those of the goal that limits. ok is false
// where no load is confirmed to hold.
func (a *Answer) Capacity() (load float64, ok bool) {
	if a.Result == nil {
		return 0, false
	}
	g := a.Result.Limiting()
	if g == nil || g.Held == nil || !g.Held.Confirmed {
		return 0, false
	}
	return g.Held.Load, true
}
