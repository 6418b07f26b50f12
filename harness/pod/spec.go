package pod

import (
	"encoding/json"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Env is the environment variable that makes a process a pod: it holds the
// [Spec] as JSON.
const Env = "STAMPEDE_POD"

// lifelineFD is the descriptor of a pod's lifeline: a pipe whose end of file
// says that the harness is gone. Eight bytes on it, little endian, are what
// [Spec.Began] has of a pod that starts later.
const lifelineFD = 3

// Spec is all that one incarnation of a pod is told.
type Spec struct {
	Implementation string           `json:"implementation"`
	Config         harness.Config   `json:"config"`
	Service        string           `json:"service"`           // Service is the distribution of service times as on the command line.
	Failures       harness.Failures `json:"failures"`          // Failures say which of the work fails.
	Slowdown       harness.Slowdown `json:"slowdown"`          // Slowdown is when its work is slow.
	Prepare        float64          `json:"prepare,omitempty"` // Prepare is as in [harness.Scenario].
	Began          int64            `json:"began"`             // Began is when the load began, ns on CLOCK_MONOTONIC; 0: it has not yet, and the pod will be told.
	Seed           uint64           `json:"seed"`              // Seed and Repeat decide the service time and the failures of each record, equal for all consumers.
	Repeat         int              `json:"repeat"`
	Topics         []string         `json:"topics"`  // Topics are the topics of the run by their number in the ledger, the source first.
	Run            uint64           `json:"run"`     // Run is the identity of the run; records of another are phantoms.
	Journal        string           `json:"journal"` // Journal is the path of the journal to create.
	Owner          ledger.Owner     `json:"owner"`   // Owner is the number of the incarnation in the run.
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
		return Spec{}, fmt.Errorf("%s: owner 0 is nobody", Env)
	}
	return s, nil
}
