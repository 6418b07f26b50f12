package pod

import "github.com/stampede-bench/stampede/harness/ledger"

// Incarnation is a pod between a start and its end.
type Incarnation struct {
	Owner   ledger.Owner // Owner is its number in the run, in order of start over all pods, from 1.
	Pod     string       // Pod is the name of the pod, from "pod-1".
	N       int          // N counts the starts of the pod, from 1.
	Journal string       // Journal is the path of its journal; no file is there if it ended before it could make one.
	Up      int64        // Up is from when it can have worked, ns on CLOCK_MONOTONIC.
	Down    int64        // Down is when it had been reaped, ns on CLOCK_MONOTONIC; 0 while it lives.

	// Asked says that it ended as the fleet wanted it to: killed, or stopped in
	// answer to SIGTERM, be it with an error of the consumer. False while it lives.
	Asked bool
	Told  int64  // Told is when it was first asked to stop, by SIGTERM, ns on CLOCK_MONOTONIC; 0: it was not.
	Deaf  bool   // Deaf says that it did not stop when [harness.Leaver] asked it to, and was killed.
	Exit  string // Exit is how it ended, as "exit status 4" or "signal: killed"; "" while it lives.
	// Stderr is the tail, up to 64 KiB, of what it printed to standard error and
	// standard output, in that order of writing.
	Stderr string
}

// incarnation is the one that begins with the specification.
func (s *Spec) incarnation(up int64) Incarnation {
	return Incarnation{Owner: s.Owner, Pod: s.Config.Pod, N: s.Config.Incarnation, Journal: s.Journal, Up: up}
}
