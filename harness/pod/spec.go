package pod

import (
	"encoding/json"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Env is the environment variable that makes a process a pod. It holds the [Spec] as
// JSON.
const Env = "STAMPEDE_POD"

// Spec is what one incarnation of a pod needs to know.
type Spec struct {
	Implementation string           `json:"implementation"`
	Config         harness.Config   `json:"config"`
	Service        string           `json:"service"`           // Service is the distribution of service times as on the command line.
	Failures       harness.Failures `json:"failures"`          // Failures say which work fails.
	Slowdown       harness.Slowdown `json:"slowdown"`          // Slowdown says when work is slow.
	Prepare        float64          `json:"prepare,omitempty"` // Prepare is as in [harness.Scenario].
	LoadStart      int64            `json:"load_start"`        // LoadStart is the start of the load, ns on CLOCK_MONOTONIC; 0: the lifeline will say.
	Seed           uint64           `json:"seed"`              // Seed and Repeat decide the service time and the failures of each record, equally for all consumers.
	Repeat         int              `json:"repeat"`
	Topics         []string         `json:"topics"`            // Topics are the topics of the run by their number in the ledger, the source first.
	Partitions     int              `json:"partitions"`        // Partitions of the source, for [ledger.PartitionInLog].
	Keyless        bool             `json:"keyless,omitempty"` // Keyless: the records of the run have no key.
	Run            uint64           `json:"run"`               // Run identifies the run. Records of another run are phantoms.
	Journal        string           `json:"journal"`           // Journal is the path of the journal to create.
	Owner          ledger.Owner     `json:"owner"`             // Owner is the number of the incarnation in the run.
	Mark           uint64           `json:"mark"`              // Mark is a number by which the harness finds all processes of the incarnation; 0 for none.
}

// Environ is the specification as an entry of a process's environment.
func (s Spec) Environ() (string, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode pod specification: %w", err)
	}
	return Env + "=" + string(text), nil
}

func parseSpec(text string) (Spec, error) {
	var s Spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return Spec{}, fmt.Errorf("%s: %w", Env, err)
	}
	if s.Owner == 0 {
		return Spec{}, fmt.Errorf("%s: owner 0 means no owner", Env)
	}
	return s, nil
}
