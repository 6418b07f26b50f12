package fault

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// fakeKafka is a cluster and the log on it.
type fakeKafka struct {
	nodes    []*fakeNode
	appended []int64
	leaders  []int32
	moveIn   int   // calls of Leaders after a kill until the leaders move
	moveTo   int32 // -1: no leader
	err      error // of Leaders
	inSync   [][]int32
}

type fakeNode struct {
	kafka *fakeKafka
	id    int32
	down  bool
	err   error // of Kill and Start
}

func newKafka(appended []int64, leaders []int32) *fakeKafka {
	k := &fakeKafka{appended: appended, leaders: leaders}
	for id := range int32(3) {
		k.nodes = append(k.nodes, &fakeNode{kafka: k, id: id})
	}
	return k
}

func (k *fakeKafka) Seeds() []string   { return nil }
func (k *fakeKafka) Close() error      { return nil }
func (k *fakeKafka) Appended() []int64 { return k.appended }
func (k *fakeKafka) Nodes() (nodes []harness.Node) {
	for _, n := range k.nodes {
		nodes = append(nodes, n)
	}
	return nodes
}

func (k *fakeKafka) Leaders(ctx context.Context) ([]int32, error) {
	if err := errors.Join(k.err, ctx.Err()); err != nil {
		return nil, err
	}
	for p, id := range k.leaders {
		if k.moveIn == 0 && slices.ContainsFunc(k.nodes, func(n *fakeNode) bool { return n.id == id && n.down }) {
			k.leaders[p] = k.moveTo
		}
	}
	k.moveIn--
	return k.leaders, nil
}

func (k *fakeKafka) GroupCoordinator(context.Context) (int32, error)       { return 0, nil }
func (k *fakeKafka) TransactionCoordinator(context.Context) (int32, error) { return 1, nil }
func (k *fakeKafka) Controller(context.Context) (int32, error)             { return 2, nil }
func (k *fakeKafka) InSync(context.Context) ([][]int32, error)             { return k.inSync, nil }
func (k *fakeKafka) AskBroker(_ context.Context, id int32) error {
	if k.nodes[id].down {
		return errors.New("down")
	}
	return nil
}

func (n *fakeNode) ID() int32 { return n.id }
func (n *fakeNode) Kill(ctx context.Context) error {
	n.down = true
	return errors.Join(n.err, ctx.Err())
}
func (n *fakeNode) Start(ctx context.Context) error {
	n.down = false
	return errors.Join(n.err, ctx.Err())
}

type fakePod struct {
	name  string
	kills int
	err   error
}

func (p *fakePod) Name() string                { return p.name }
func (p *fakePod) Kill(context.Context) error  { p.kills++; return p.err }
func (p *fakePod) Start(context.Context) error { return p.err }

type owners []string

func (o owners) Owners() []string { return o }

func TestKillBrokerKillsTheLeaderOfTheBusiestPartition(t *testing.T) {
	tests := []struct {
		name     string
		appended []int64
		leaders  []int32
		hit      harness.Target
	}{
		{"most appended", []int64{5, 9, 7, 8}, []int32{0, 1, 2, 1}, harness.Target{Name: "broker 1", Partitions: []int32{1, 3}, Nodes: []int32{1}}},
		{"a tie goes to the lower partition", []int64{1, 9, 9}, []int32{0, 2, 1}, harness.Target{Name: "broker 2", Partitions: []int32{1}, Nodes: []int32{2}}},
		{"a partition without a leader does not count", []int64{1, 9, 3}, []int32{0, -1, 1}, harness.Target{Name: "broker 1", Partitions: []int32{2}, Nodes: []int32{1}}},
		{"nothing appended yet", []int64{0, 0, 0}, []int32{2, 0, 1}, harness.Target{Name: "broker 2", Partitions: []int32{0}, Nodes: []int32{2}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := newKafka(tt.appended, tt.leaders)
			env := &harness.Env{Cluster: k, Log: k, Brokers: k}
			heal, err := KillBroker{}.Inject(t.Context(), env)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(env.Target, tt.hit) {
				t.Errorf("hit %+v, want %+v", env.Target, tt.hit)
			}
			for _, n := range k.nodes {
				if n.down != (brokerName(n.id) == tt.hit.Name) {
					t.Errorf("broker %d is down: %v", n.id, n.down)
				}
			}
			if err := heal(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, n := range k.nodes {
				if n.down {
					t.Errorf("broker %d is down after the heal", n.id)
				}
			}
		})
	}
}

func TestKillBrokerReportsItsErrors(t *testing.T) {
	gone := errors.New("gone")
	tests := []struct {
		name  string
		spoil func(k *fakeKafka)
		want  string
		heals bool
	}{
		{"no metadata", func(k *fakeKafka) { k.err = gone }, "find the leaders: gone", false},
		{"no leader", func(k *fakeKafka) { k.leaders = []int32{-1, -1} }, "no partition has a leader", false},
		{"unknown leader", func(k *fakeKafka) { k.nodes = k.nodes[:1] }, "the chosen broker, broker 1, is not a node of the cluster", false},
		{"no kill", func(k *fakeKafka) { k.nodes[1].err = gone }, "kill broker 1: gone", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := newKafka([]int64{1, 2}, []int32{0, 1})
			tt.spoil(k)
			heal, err := KillBroker{}.Inject(t.Context(), &harness.Env{Cluster: k, Log: k})
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if (heal != nil) != tt.heals {
				t.Errorf("has a heal: %v", heal != nil)
			}
		})
	}
}

func TestKillBrokerVerifiesThatLeadersMoved(t *testing.T) {
	tests := []struct {
		name   string
		moveIn int
		moveTo int32
		err    error
		want   string
	}{
		{"moved", 0, 2, nil, ""},
		{"moves in the end", 5, 2, nil, ""},
		{"does not move", -1, 2, nil, "broker 1 still leads partition 1"},
		{"nobody leads", 0, -1, nil, "partition 1 has no leader"},
		{"no metadata", 0, 2, errors.New("gone"), "gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKafka([]int64{1, 2, 1}, []int32{0, 1, 0})
				env := &harness.Env{Cluster: k, Log: k, Brokers: k}
				if _, err := (KillBroker{}).Inject(t.Context(), env); err != nil {
					t.Fatal(err)
				}
				k.moveIn, k.moveTo, k.err = tt.moveIn, tt.moveTo, tt.err
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				err := KillBroker{}.Verify(ctx, env)
				if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("error %v, want %q", err, tt.want)
				}
			})
		})
	}
}

func pods(names ...string) (all []harness.Pod) {
	for _, n := range names {
		all = append(all, &fakePod{name: n})
	}
	return all
}

func TestKillPodKillsAnOwner(t *testing.T) {
	chosen := map[string]int{}
	for seed := range uint64(60) {
		env := &harness.Env{
			Pods:  pods("pod-0", "pod-1", "pod-2", "pod-3"),
			Group: owners{"pod-2", "", "pod-0", "pod-2", "stranger"},
			Rand:  rand.New(rand.NewPCG(seed, 0)),
		}
		heal, err := KillPod{}.Inject(t.Context(), env)
		if err != nil || heal == nil {
			t.Fatalf("error %v, has a heal: %v", err, heal != nil)
		}
		want := map[string][]int32{"pod-0": {2}, "pod-2": {0, 3}}[env.Target.Pod]
		if want == nil || env.Target.Name != env.Target.Pod || !reflect.DeepEqual(env.Target.Partitions, want) {
			t.Fatalf("hit %+v", env.Target)
		}
		for _, p := range env.Pods {
			if kills := p.(*fakePod).kills; (kills == 1) != (p.Name() == env.Target.Pod) {
				t.Fatalf("%s was killed %d times, the hit is %+v", p.Name(), kills, env.Target)
			}
		}
		chosen[env.Target.Pod]++
		// The next random number must not depend on the assignment.
		other := rand.New(rand.NewPCG(seed, 0))
		if _, err := (KillPod{}).Inject(t.Context(), &harness.Env{Pods: env.Pods, Group: owners{"pod-3"}, Rand: other}); err != nil {
			t.Fatal(err)
		}
		if a, b := env.Rand.Uint64(), other.Uint64(); a != b {
			t.Fatalf("after the draw %d and %d follow", a, b)
		}
	}
	if chosen["pod-0"] < 15 || chosen["pod-2"] < 15 {
		t.Errorf("60 draws chose %v", chosen)
	}
}

func TestKillPodReportsItsErrors(t *testing.T) {
	env := &harness.Env{Pods: pods("a", "b"), Group: owners{"", "c"}, Rand: rand.New(rand.NewPCG(1, 1))}
	synctest.Test(t, func(t *testing.T) {
		if heal, err := (KillPod{}).Inject(t.Context(), env); heal != nil || err == nil || err.Error() != "no pod of 2 owns a partition" {
			t.Errorf("error %v", err)
		}
	})
	env.Group = owners{"b"}
	env.Pods[1].(*fakePod).err = errors.New("gone")
	if heal, err := (KillPod{}).Inject(t.Context(), env); heal == nil || err == nil || err.Error() != "kill b: gone" {
		t.Errorf("error %v", err)
	}
}

func TestKillBrokerKillsTheChosenBroker(t *testing.T) {
	for choice, want := range map[BrokerChoice]harness.Target{
		GroupCoordinator:       {Name: "broker 0", Partitions: []int32{0, 1, 2}, Nodes: []int32{0}},
		TransactionCoordinator: {Name: "broker 1", Partitions: []int32{0, 1, 2}, Nodes: []int32{1}},
		Controller:             {Name: "broker 2", Partitions: []int32{0}, Nodes: []int32{2}},
	} {
		k := newKafka([]int64{9, 1, 1}, []int32{2, 0, 1})
		env := &harness.Env{Cluster: k, Log: k, Brokers: k}
		if _, err := (KillBroker{Of: choice}).Inject(t.Context(), env); err != nil || !reflect.DeepEqual(env.Target, want) {
			t.Errorf("the %s: hit %+v, want %+v; error %v", choice, env.Target, want, err)
		}
		if !k.nodes[want.Nodes[0]].down {
			t.Errorf("the %s runs", choice)
		}
	}
}

// growing is a log in which partition 1 is fullest and partition 2 grows.
type growing struct {
	*fakeKafka
	reads int64
}

func (g *growing) Appended() []int64 { g.reads++; return []int64{1, 100, g.reads} }

func TestHottestLeaderIsThatOfThePartitionThatGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKafka(nil, []int32{0, 1, 2})
		env := &harness.Env{Cluster: k, Log: &growing{fakeKafka: k}, Brokers: k}
		if _, err := (KillBroker{Of: HottestLeader}).Inject(t.Context(), env); err != nil || env.Target.Name != "broker 2" {
			t.Errorf("hit %+v, error %v", env.Target, err)
		}
	})
}

func TestPartitionWithOneReplicaNeedNoOtherLeader(t *testing.T) {
	for want, tt := range map[string]struct {
		leaders []int32
		inSync  [][]int32
	}{
		"":                               {[]int32{-1, 2, 1}, [][]int32{{1}, {1, 2}, {1}}},
		"partition 0 has no leader":      {[]int32{-1}, [][]int32{{1, 2}}},
		"partition 0 has no leader ":     {[]int32{-1}, [][]int32{{2}}},
		"broker 1 still leads partition": {[]int32{1}, [][]int32{{1, 2}}},
	} {
		err := checkAllMoved(1, tt.leaders, tt.inSync)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), strings.TrimSpace(want))) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
