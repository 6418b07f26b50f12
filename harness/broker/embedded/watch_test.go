package embedded

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// fakeState is the state of a group as a watch reads it.
type fakeState struct {
	commits map[int32]kfake.GroupCommit
	reads   int
	onRead  func() // onRead is called after the state was read, and before the watch has it.
}

const watchedGroup, watchedTopic = "g", "t"

func (f *fakeState) read(string) *kfake.GroupInfo {
	f.reads++
	info := &kfake.GroupInfo{
		Members: []kfake.GroupMember{{MemberID: "m", ClientID: "pod-1.1"}},
		Commits: map[string]map[int32]kfake.GroupCommit{watchedTopic: {}},
	}
	for p, c := range f.commits {
		info.Commits[watchedTopic][p] = c
	}
	if f.onRead != nil {
		f.onRead()
	}
	return info
}

// handle is what kfake does with a commit: it shows it to the watch and takes it.
func (f *fakeState) handle(w *groupWatch, partition int32, offset int64) {
	w.expectCommits([]harness.Commit{{Group: watchedGroup, Topic: watchedTopic, Partition: partition, Offset: offset, MemberID: "m"}})
	f.commits[partition] = kfake.GroupCommit{Offset: offset, At: time.Now()}
}

func watchState() (*groupWatch, *fakeState) {
	f := &fakeState{commits: map[int32]kfake.GroupCommit{}}
	w := newGroupWatch(&Cluster{clock: ledger.NewClock()}, watchedGroup, harness.GroupEvents{})
	w.read = f.read
	return w, f
}

// A group of 500 members commits 500 times a second, and its state has 500 members.
func TestStateIsNotReadForEachCommit(t *testing.T) {
	w, f := watchState()
	for p := range int32(1000) {
		f.handle(w, p, 1)
	}
	if f.reads > 1 {
		t.Errorf("the state was read %d times for 1,000 commits of different partitions, want once for the unknown member", f.reads)
	}
	f.handle(w, 7, 2)
	if f.reads != 2 || len(w.ready) != 1000 {
		t.Errorf("%d reads and %d outcomes before a commit that would hide one, want 2 and 1000", f.reads, len(w.ready))
	}
	for _, c := range w.ready {
		if !c.Confirmed || c.ClientID != "pod-1.1" {
			t.Fatalf("%+v: want it confirmed", c)
		}
	}
}

// While a watch reads the state, kfake handles one commit and gets the next one.
func TestCommitAfterAReadIsNotRefusedByIt(t *testing.T) {
	w, f := watchState()
	f.handle(w, 0, 1)
	f.onRead = func() {
		f.onRead = nil
		f.handle(w, 1, 1)
		f.handle(w, 2, 1)
	}
	w.resolveCommits(watchedGroup)
	if len(w.ready) != 1 || !w.ready[0].Confirmed {
		t.Errorf("decided by a state from before two commits: %+v", w.ready)
	}
	w.resolveCommits(watchedGroup)
	for _, c := range w.ready {
		if !c.Confirmed {
			t.Errorf("%+v: want it confirmed", c)
		}
	}
}
