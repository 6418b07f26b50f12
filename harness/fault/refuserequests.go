package fault

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// RefuseRequests answers requests of pods with an error code, and the broker never gets
// them. Refused commits are those in transactions too. Its heal ends that.
type RefuseRequests struct {
	Key   int16 // Key is the API key in the Kafka protocol, such as [OffsetCommit].
	Code  int16 // Code is the error code, such as [RebalanceInProgress].
	Limit int   // Limit is the most requests to refuse for each pod and kind, 0 for no limit.
	Of    Scope
}

// Name implements [harness.Fault].
func (f RefuseRequests) Name() string {
	return "refuse " + requestsOf(f.Key) + f.Of.String() + " - " + errorName(f.Code)
}

// Inject implements [harness.Fault].
func (f RefuseRequests) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	rules := []harness.Rule{{Key: f.Key, Limit: f.Limit, Then: harness.WireRefuse, Code: f.Code}}
	if f.Key == OffsetCommit {
		inTxn := rules[0]
		inTxn.Key = TxnOffsetCommit
		rules = append(rules, inTxn)
	}
	return f.Of.applyRules(ctx, env, "requests of", rules...)
}

// Verify waits until a request is refused.
func (RefuseRequests) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no request was refused")
}

// Requires implements [harness.Requirer].
func (RefuseRequests) Requires(c harness.Cluster) error { return requireRules(c) }

// RequiresOf implements [harness.ConsumerRequirer].
func (f RefuseRequests) RequiresOf(i *harness.Implementation, p harness.Protocol) error {
	if f.Key == OffsetCommit { // the commits of transactions are refused, too
		return checkGroupMember(i, p)
	}
	return checkKeyUser(f.Key, i, p)
}

var _ harness.Requirer = RefuseRequests{}

// refusal is the entry of a refused request that a client tries again.
func refusal(f RefuseRequests, what string) Known {
	return Known{Fault: f, What: what, By: "a rule on the wire", Lasts: between(time.Second, 1)}
}

// refusedFetch is the entry of a refused OffsetFetch. A pod joins meanwhile.
func refusedFetch(code int16, what string) Known {
	return Known{
		Fault: RefuseRequests{Key: OffsetFetch, Code: code}, What: what, By: "a rule on the wire",
		LeftOut: "no member asks for commits unless the group changes",
		Scenario: func(s *harness.Scenario) {
			s.Spare = 1
			s.Injections = append(s.Injections, harness.Injection{Fault: JoinPod{}, At: InjectedAt - time.Millisecond, HealAfter: 15 * time.Second})
		},
	}
}

var _ = registerFault(
	refusal(RefuseRequests{Key: OffsetCommit, Code: RebalanceInProgress}, "Commits of all pods are refused as in a rebalance."),
	refusal(RefuseRequests{Key: OffsetCommit, Code: IllegalGeneration}, "Commits of all pods are refused as those of an earlier generation."),
	refusal(RefuseRequests{Key: OffsetCommit, Code: CoordinatorLoadInProgress}, "Commits of all pods are refused as by a coordinator that has just started."),
	refusal(RefuseRequests{Key: OffsetCommit, Code: NotCoordinator}, "Commits of all pods are refused as by a broker that coordinates the group no more."),
	refusedFetch(CoordinatorLoadInProgress, "Members that ask for commits are refused as by a coordinator that has just started."),
	refusedFetch(NotCoordinator, "Members that ask for commits are refused as by a broker that coordinates the group no more."),
	Known{
		Fault: RefuseRequests{Key: Produce, Code: NotEnoughReplicas}, By: "a rule on the wire",
		What:     "Outputs of all pods are refused, as where followers are missing.",
		Consumer: "txn", LeftOut: "most consumers produce nothing",
	},
)
