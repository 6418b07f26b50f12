package pod

import "github.com/stampede-bench/stampede/harness/ledger"

// Incarnation is one start of a pod, up to its end.
type Incarnation struct {
	Owner   ledger.Owner // Owner is its number in the run, from 1: the order of starts of all pods.
	Pod     string       // Pod is the name of the pod, from "pod-1".
	N       int          // N counts the starts of the pod, from 1.
	Journal string       // Journal is the path of its journal. The file is missing if the incarnation ended before it could create it.
	Up      int64        // Up is the earliest time at which it can have worked, ns on CLOCK_MONOTONIC.
	Down    int64        // Down is the time at which it was reaped, ns on CLOCK_MONOTONIC; 0 while it runs.

	// Intended says that the fleet ended it, or allowed its end: it was killed, or it stopped after SIGTERM.
	// An error of the consumer while it stops changes nothing. False while it runs.
	Intended        bool
	Reason          string // Reason is why the fleet killed it, if a fault said so: see [harness.MemoryMeter].
	StopRequestedAt int64  // StopRequestedAt is the time of the first SIGTERM, ns on CLOCK_MONOTONIC; 0 for none.
	EndAllowed      bool   // EndAllowed says that it may return by itself, as a static member that is fenced.
	Halted          bool   // Halted says that a signal which the harness did not send, as SIGSTOP, kept it from stopping.
	Unresponsive    bool   // Unresponsive says that it did not stop when [harness.Leaver] asked, and was killed.
	Exit            string // Exit is how it ended, as "exit status 4" or "signal: killed"; "" while it runs.
	Cause           string // Cause is why it ended, in one line: the message of a panic or an error, with Exit; "" while it runs.
	// Stderr is its standard error and standard output in the order of the writes. Of a
	// long output it has the head and the tail, 64 KiB in all. Printed is the length of
	// the whole.
	Stderr  string
	Printed int64
	// Survivors are the processes that it had started and that the fleet could not end
	// after it, as "process 7 (sleep 60)".
	Survivors []string
}

// mayReturn reports whether the consumer may return, so that its pod ends with a status.
func (i *Incarnation) mayReturn(status int) bool {
	switch status {
	case exitClean, exitFailed:
		return i.StopRequestedAt != 0 || i.EndAllowed
	case exitReturned:
		return i.EndAllowed
	}
	return false
}

// newIncarnation is the record of an incarnation that starts with the specification.
func (s *Spec) newIncarnation(up int64) Incarnation {
	return Incarnation{Owner: s.Owner, Pod: s.Config.Pod, N: s.Config.Incarnation, Journal: s.Journal, Up: up}
}
