package oracle

import "github.com/stampede-bench/stampede/harness"

// CheckPodLiveness finds a pod that ended by itself or did not stop when it was told to. It also finds a pod
// that was outside its group until the end of the run. This counts after a rebalance timeout and 2 s in which no
// fault affected the pod and the pod completed no record. In virtual time it also finds a pod that the group expelled without a fault: time never
// lacks CPU there, so the pod's own client kept its heartbeats back. For a consumer that allows itself any repeats,
// such an expulsion is a warning.
//
// A pod that gets no processor does not stop or join in time either. If no pod starved is broken, these two alone
// are inconclusive.
//
// The engine judges it: the ledger does not show what a process did.
const CheckPodLiveness = "pod liveness"

var _ = register(entry{
	name: CheckPodLiveness, gravity: podsFailed,
	finds:  "a pod that ended by itself, did not stop, or stayed outside its group",
	claim:  "always",
	heldTo: heldAlways("pods live until they are told to stop"),
})

// DropRecordsOfPods drops the record from evidence on [CheckPodLiveness], which is about a
// pod. Results that older code saved have one there, with zeros only.
func DropRecordsOfPods(verdicts []harness.Verdict) {
	for i := range verdicts {
		if verdicts[i].Check != CheckPodLiveness {
			continue
		}
		for k := range verdicts[i].Examples {
			verdicts[i].Examples[k].RecordPlace = nil
		}
	}
}
