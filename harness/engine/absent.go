package engine

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/pod"
)

// absent are the pods that live at the end of the drain and have been no members of the
// run's group for longer than any that still tries to be one: for as long as a rebalance
// may last, and [settle], in which nobody struck them. Others do their work meanwhile, so that
// nothing else shows that they do none.
func (r *run) absent() (list []harness.Anomaly) {
	if r.formed == 0 {
		return nil
	}
	now, members, gone := r.clock.Now(), r.watcher.Joined(), map[ledger.Owner]int64{}
	for _, x := range r.watcher.Expelled() {
		if x.Group == 0 {
			gone[x.Owner] = max(gone[x.Owner], x.Seen)
		}
	}
	for _, in := range r.fleet.Incarnations() {
		if in.Down != 0 || in.StopRequestedAt != 0 || members[in.Owner] {
			continue
		}
		since := max(in.Up, gone[in.Owner], r.struckUntil(&in))
		if now-since > int64(max(r.cfg.Session, r.cfg.Rebalance)+settle) {
			list = append(list, harness.Anomaly{
				Text: fmt.Sprintf("lives, and has been no member of its group for %v", time.Duration(now-since).Round(time.Millisecond)),
				Pods: []string{harness.ClientID(in.Pod, in.N)}, At: r.since(since),
			})
		}
	}
	return list
}

// struckUntil is when the last fault upon an incarnation, or upon no pod in particular,
// was over, ns on CLOCK_MONOTONIC; now for one that is not.
func (r *run) struckUntil(in *pod.Incarnation) (at int64) {
	for _, o := range r.faults.outcomes() {
		switch {
		case o.owner != 0 && o.owner != in.Owner || o.hit.None:
		case o.healed == harness.Never:
			return r.clock.Now()
		default:
			at = max(at, r.start+int64(o.healed))
		}
	}
	return at
}
