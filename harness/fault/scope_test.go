package fault

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// ruler is a cluster that notes the rules applied to it.
type ruler struct {
	*fakeKafka
	applied []harness.Rule
	stopped int
	fail    bool
}

func (r *ruler) ApplyRule(rule harness.Rule) (func() int, error) {
	if r.fail && len(r.applied) == 1 {
		return nil, errors.New("gone")
	}
	r.applied = append(r.applied, rule)
	return func() int { r.stopped++; return 0 }, nil
}

func onRules() (*harness.Env, *ruler) {
	env, _ := stage()
	r := &ruler{fakeKafka: newKafka([]int64{5, 9, 7}, []int32{0, 2, 2})}
	env.Cluster, env.Log = r, r
	return env, r
}

// TestFaultOnTheWireChoosesPodsAndBrokers applies a fault of one rule.
func TestFaultOnTheWireChoosesPodsAndBrokers(t *testing.T) {
	for of, want := range map[Scope]struct {
		clients []string
		nodes   []int32
		target  harness.Target
	}{
		AllPods:   {[]string{"pod-1.", "pod-2.", "pod-3.", "pod-4."}, nil, harness.Target{Name: "responses to the pods", Partitions: []int32{0, 1, 2}}},
		OnePod:    {[]string{"pod-2."}, nil, harness.Target{Name: "pod-2", Pod: "pod-2", Partitions: []int32{1}}},
		OneBroker: {[]string{"pod-1.", "pod-2.", "pod-3.", "pod-4."}, []int32{2}, harness.Target{Name: "broker 2", Partitions: []int32{1, 2}, Nodes: []int32{2}}},
	} {
		env, r := onRules()
		heal, err := HoldRequests{Key: OffsetCommit, OnResponse: true, Of: of}.Inject(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		var clients []string
		for _, rule := range r.applied {
			clients = append(clients, rule.Client)
			if !slices.Equal(rule.Nodes, want.nodes) {
				t.Errorf("of %d: nodes %v, want %v", of, rule.Nodes, want.nodes)
			}
		}
		if !slices.Equal(clients, want.clients) || !reflect.DeepEqual(env.Target, want.target) {
			t.Errorf("of %d: rules of %q, target %+v; want %q and %+v", of, clients, env.Target, want.clients, want.target)
		}
		if err := heal(t.Context()); err != nil || r.stopped != len(r.applied) {
			t.Errorf("of %d: error %v, %d of %d rules stopped", of, err, r.stopped, len(r.applied))
		}
	}
}

// TestFaultsOnTheWireTakeEffectWithTheirFirstFrame asks each for its rules, for what it says
// before and after the first frame, and for its heal where a rule cannot be applied.
func TestFaultsOnTheWireTakeEffectWithTheirFirstFrame(t *testing.T) {
	const reset, pass, drop, refuse = harness.WireReset, harness.WirePass, harness.WireDrop, harness.WireRefuse
	for _, tt := range []struct {
		fault harness.Fault
		rules string // key, on response, delay, bytes a second, action
	}{
		{DropResponses{Key: OffsetCommit, Limit: 3}, fmt.Sprint("8 true 0s 0 ", reset)},
		{DelayResponses{Key: Fetch, Delay: time.Second}, fmt.Sprint("1 true 1s 0 ", pass)},
		{HoldRequests{Key: OffsetCommit, OnResponse: true}, fmt.Sprint("8 true 0s 0 ", pass)},
		{HoldRequests{Key: OffsetCommit}, fmt.Sprint("8 false 0s 0 ", pass)},
		{SlowNetwork{Delay: time.Second}, fmt.Sprint("-1 false 500ms 0 ", pass, ", -1 true 500ms 0 ", pass)},
		{ThrottleNetwork{BytesPerSecond: 7}, fmt.Sprint("-1 false 0s 7 ", pass, ", -1 true 0s 7 ", pass)},
		{ResetConnections{}, fmt.Sprint("-1 false 0s 0 ", reset, ", -1 true 0s 0 ", reset)},
		{CutResponses{}, fmt.Sprint("-1 true 0s 0 ", reset)},
		{CutNetwork{}, fmt.Sprint("-1 false 0s 0 ", pass, ", -1 true 0s 0 ", pass)},
		{CutNetwork{HalfOpen: true}, fmt.Sprint("-1 false 0s 0 ", drop, ", -1 true 0s 0 ", drop)},
		{RefuseRequests{Key: OffsetCommit, Code: 27}, fmt.Sprint("8 false 0s 0 ", refuse, ", 28 false 0s 0 ", refuse)},
		{RefuseRequests{Key: OffsetFetch, Code: 14}, fmt.Sprint("9 false 0s 0 ", refuse)},
	} {
		t.Run(tt.fault.Name(), func(t *testing.T) {
			env, r := onRules()
			env.Pods = env.Pods[:1]
			if _, err := tt.fault.Inject(t.Context(), env); err != nil {
				t.Fatal(err)
			}
			rules := ""
			for i, a := range r.applied {
				if i > 0 {
					rules += ", "
				}
				rules += fmt.Sprint(a.Key, a.OnResponse, a.Delay, a.BytesPerSecond, " ", a.Then)
			}
			if rules != tt.rules {
				t.Errorf("rules %q, want %q", rules, tt.rules)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if err := tt.fault.Verify(ended, env); err == nil {
				t.Error("it took effect before the first frame")
			}
			r.applied[len(r.applied)-1].Reached()
			if err := tt.fault.Verify(t.Context(), env); err != nil {
				t.Errorf("after the first frame: %v", err)
			}
			env, r = onRules()
			r.fail = true
			if heal, err := tt.fault.Inject(t.Context(), env); err == nil || heal != nil || r.stopped != 1 {
				t.Errorf("half-way: error %v, %d of 1 rules stopped", err, r.stopped)
			}
			if err := tt.fault.(harness.Requirer).Requires(newKafka(nil, nil)); err == nil {
				t.Error("a back end without rules has the fault")
			}
		})
	}
}
