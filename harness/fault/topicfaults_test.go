package fault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// fakeTopic is a topic and the commits of a group.
type fakeTopic struct {
	starts, ends, commits, appended []int64

	idle     bool // idle: nothing that is asked for happens
	busy     int  // busy is how often the group still has members
	deletedG int
	id       byte
	members  []harness.Member
}

func (f *fakeTopic) Offsets(context.Context) (starts, ends []int64, err error) {
	return f.starts, f.ends, nil
}

func (f *fakeTopic) DeleteRecords(_ context.Context, below map[int32]int64) error {
	for p, offset := range below {
		if !f.idle {
			f.starts[p] = offset
		}
	}
	return nil
}

func (f *fakeTopic) AddPartitions(_ context.Context, n int) error {
	f.starts, f.ends = append(f.starts, make([]int64, n)...), append(f.ends, make([]int64, n)...)
	if !f.idle {
		f.appended = append(f.appended, slices.Repeat([]int64{1}, n)...)
	}
	return nil
}

func (f *fakeTopic) WatchElections(context.Context) (func(context.Context) error, error) {
	return func(context.Context) error { return nil }, nil
}

func (f *fakeTopic) RecreateTopic(context.Context) error {
	if !f.idle {
		f.starts, f.ends = make([]int64, len(f.starts)), make([]int64, len(f.ends))
		f.id++
	}
	return nil
}

func (f *fakeTopic) TopicID(context.Context) (id [16]byte, err error) { return [16]byte{f.id}, nil }

func (f *fakeTopic) Commits(context.Context) ([]int64, error) { return f.commits, nil }

func (f *fakeTopic) Members(context.Context) ([]harness.Member, error) { return f.members, nil }

func (f *fakeTopic) DeleteGroup(context.Context) error {
	if f.busy--; f.busy >= 0 {
		return errors.New("the group has members")
	}
	if f.deletedG++; !f.idle {
		f.commits = slices.Repeat([]int64{-1}, len(f.commits))
	}
	return nil
}

func (f *fakeTopic) Appended() []int64                        { return f.appended }
func (f *fakeTopic) Leaders(context.Context) ([]int32, error) { return nil, nil }

// stageTopic has three partitions, of which pod-2 owns the one that is furthest behind.
func stageTopic() (*harness.Env, []*actor, *fakeTopic) {
	env, actors := stage()
	f := &fakeTopic{starts: []int64{0, 0, 0}, ends: []int64{10, 100, 30}, commits: []int64{9, 20, -1}, appended: []int64{10, 100, 30}}
	env.Topics, env.Groups, env.Log = f, f, f
	return env, actors, f
}

func TestDeleteRecordsPassesThePodThatIsFurthestBehind(t *testing.T) {
	env, _, f := stageTopic()
	heal, err := DeleteRecords{Left: 3}.Inject(t.Context(), env)
	if err != nil || heal != nil || !slices.Equal(f.starts, []int64{0, 97, 0}) {
		t.Errorf("error %v, has a heal: %v, the logs begin at %v", err, heal != nil, f.starts)
	}
	if !slices.Equal(env.Target.Partitions, []int32{1}) || env.Target.Name != "partitions of pod-2" {
		t.Errorf("target %+v", env.Target)
	}
	if err := (DeleteRecords{}).Verify(t.Context(), env); err != nil {
		t.Errorf("verify: %v", err)
	}
}

// Partition 0 is committed up to its last record: there is nothing to delete.
func TestDeleteRecordsLeavesPartitionsThatAreRead(t *testing.T) {
	env, _, f := stageTopic()
	env.Group = owners{"pod-1", "pod-1", "pod-1"}
	if _, err := (DeleteRecords{}).Inject(t.Context(), env); err != nil || !slices.Equal(f.starts, []int64{0, 95, 25}) {
		t.Errorf("error %v, the logs begin at %v", err, f.starts)
	}
	f.commits = slices.Clone(f.ends)
	if _, err := (DeleteRecords{}).Inject(t.Context(), env); err == nil || !strings.Contains(err.Error(), "no pod has records") {
		t.Errorf("with nothing to delete: %v", err)
	}
}

func TestAddPartitionsSaysWhichAreNew(t *testing.T) {
	env, _, _ := stageTopic()
	fault := AddPartitions{Partitions: 2}
	heal, err := fault.Inject(t.Context(), env)
	if err != nil || heal != nil || !slices.Equal(env.Target.Partitions, []int32{3, 4}) {
		t.Errorf("error %v, has a heal: %v, target %+v", err, heal != nil, env.Target)
	}
	if err := fault.Verify(t.Context(), env); err != nil {
		t.Errorf("verify: %v", err)
	}
	s := harness.Scenario{Partitions: 6, Injections: []harness.Injection{{Fault: fault}, {Fault: KillPod{}}, {Fault: AddPartitions{}}}}
	if s.FinalPartitions() != 12 {
		t.Errorf("the scenario ends with %d partitions, want 12", s.FinalPartitions())
	}
}

func TestExpireCommitsDeletesTheGroupOnceItIsEmpty(t *testing.T) {
	env, actors, f := stageTopic()
	f.busy = 2
	heal, err := ExpireCommits{}.Inject(t.Context(), env)
	if did := slices.Sorted(slices.Values(called(actors))); err != nil || !slices.Equal(did, []string{"stop pod-1", "stop pod-2"}) || f.deletedG != 1 {
		t.Fatalf("error %v, did %v, deleted the group %d times", err, did, f.deletedG)
	}
	if err := (ExpireCommits{}).Verify(t.Context(), env); err != nil || len(env.Target.Partitions) != 3 {
		t.Errorf("verify: %v; target %+v", err, env.Target)
	}
	if err := heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if did := slices.Sorted(slices.Values(called(actors))); !slices.Equal(did, []string{"start pod-1", "start pod-2", "stop pod-1", "stop pod-2"}) {
		t.Errorf("healed, it did %v", did)
	}
}

// Each fault says so if what it asked for did not happen.
func TestFaultsOfTheTopicNoticeThatTheyHadNoEffect(t *testing.T) {
	for fault, want := range map[harness.Fault]string{
		DeleteRecords{}: "the log of partition 1 does not begin at 95",
		AddPartitions{}: "the producer has sent nothing to partition 3",
		ExpireCommits{}: "the group still has a commit of partition 0: 9",
	} {
		t.Run(fault.Name(), func(t *testing.T) {
			env, _, f := stageTopic()
			f.idle = true
			if _, err := fault.Inject(t.Context(), env); err != nil {
				t.Fatal(err)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if err := fault.Verify(ended, env); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("verify: %v, want %q", err, want)
			}
		})
	}
}

// Without its commits a consumer reads the log again: at-least-once holds, and no claim without repeats.
func TestExpireCommitsAsksTheConsumerForItsClaim(t *testing.T) {
	for claim, want := range map[harness.Delivery]bool{"": true, harness.AtLeastOnce: true, harness.ExactlyOnce: false, harness.AtMostOnce: false} {
		err := ExpireCommits{}.RequiresOf(&harness.Implementation{Delivery: claim}, harness.Cooperative)
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), string(claim)) {
			t.Errorf("claim %q: %v", claim, err)
		}
	}
}

func TestRecreatedTopicHasAnotherIDAndGetsRecords(t *testing.T) {
	for why, spoil := range map[string]func(*fakeTopic){
		"":                   func(f *fakeTopic) { f.appended = []int64{10, 100, 31} },
		"the id that it had": func(f *fakeTopic) { f.idle, f.appended = true, []int64{10, 100, 31} },
		"nothing to the new": func(*fakeTopic) {},
	} {
		env, _, f := stageTopic()
		f.idle = why == "the id that it had"
		if _, err := (RecreateTopic{}).Inject(t.Context(), env); err != nil {
			t.Fatal(err)
		}
		spoil(f)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		err := RecreateTopic{}.Verify(ctx, env)
		if (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("verify: %v, want %q", err, why)
		}
	}
}
