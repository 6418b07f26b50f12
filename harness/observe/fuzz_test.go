package observe

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// FuzzOffsetsRecord gives arbitrary keys and values to the reader of
// __consumer_offsets: whatever they are, it writes down only what is of the run.
func FuzzOffsetsRecord(f *testing.F) {
	commitKey := kmsg.OffsetCommitKey{Version: 1, Group: "g", Topic: "t", Partition: 1}
	commit := kmsg.OffsetCommitValue{Version: 3, Offset: 7, LeaderEpoch: 2, Metadata: "m", CommitTimestamp: 1700000000000}
	f.Add(commitKey.AppendTo(nil), commit.AppendTo(nil), "cooperative")
	f.Add(commitKey.AppendTo(nil), []byte(nil), "eager")
	commit.Version = 4
	f.Add(commitKey.AppendTo(nil), commit.AppendTo(nil), "eager")
	groupKey := kmsg.GroupMetadataKey{Version: 2, Group: "g"}
	f.Add(groupKey.AppendTo(nil), groupValue(), "eager")
	f.Add(groupKey.AppendTo(nil), groupValue()[:20], "848")
	f.Add([]byte{0, 3, 0, 1, 'g'}, []byte{0, 0}, "848")
	dir := f.TempDir()
	var journal *ledger.Journal
	fed := 0
	f.Fuzz(func(t *testing.T, key, value []byte, protocol string) {
		if fed%1000 == 0 { // a journal only grows
			journal = fresh(t, journal, filepath.Join(dir, "observed.journal"))
		}
		fed++
		w := newWatcher(Config{
			Topics: []Topic{{Name: "t", Partitions: 2}}, Protocol: harness.Protocol(protocol), Journal: journal, MaxGap: time.Second,
			Client: &Client{Group: "g", Topic: "t"}, OwnerOf: func(string) ledger.Owner { return 1 },
		})
		r := &offsetsReader{w: w, staged: map[openTransaction][]harness.Commit{}}
		r.acceptRecord(&kgo.Record{Key: key, Value: value}, 0)
		r.acceptRecord(&kgo.Record{Key: slices.Clone(key), Value: slices.Clone(value)}, 0)
		unread := len(value) > 1 && (value[0] != 0 || value[1] > 3) // a version that is refused aloud
		if owned := w.groupNamed("g").owned; w.err != nil && !unread || len(owned) != 1 || len(owned[0]) != 2 || len(w.committed) != 2 {
			t.Fatalf("%d topics owned, %d partitions committed, %v", len(owned), len(w.committed), w.err)
		}
	})
}

func groupValue() []byte {
	var a kmsg.ConsumerMemberAssignment
	a.Topics = []kmsg.ConsumerMemberAssignmentTopic{{Topic: "t", Partitions: []int32{0, 1, 9}}}
	var s kmsg.ConsumerMemberMetadata
	s.Version, s.Topics = 1, []string{"t"}
	s.OwnedPartitions = []kmsg.ConsumerMemberMetadataOwnedPartition{{Topic: "t", Partitions: []int32{1}}}
	v := kmsg.GroupMetadataValue{Version: 3, ProtocolType: "consumer", Generation: 4, Members: []kmsg.GroupMetadataValueMember{
		{MemberID: "m", ClientID: "pod-1.1", ClientHost: "/127.0.0.1", Subscription: s.AppendTo(nil), Assignment: a.AppendTo(nil)},
	}}
	return v.AppendTo(nil)
}

// fresh closes a journal and begins another at the same path.
func fresh(t *testing.T, old *ledger.Journal, path string) *ledger.Journal {
	if old != nil {
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	j, err := ledger.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// FuzzRange gives arbitrary values to the reader of deferred ranges.
func FuzzRange(f *testing.F) {
	f.Add([]byte(`{"partition":1,"from":3,"to":9}`))
	f.Add([]byte(`{"partition":-1,"from":3,"to":9}`))
	f.Add([]byte(`{"from":9,"to":3`))
	f.Fuzz(func(t *testing.T, value []byte) {
		s := deferredRangeOf(&logRecord{value: value}, 2)
		whole := s.Flags&ledger.FlagCorrupt == 0
		if whole != (s.Partition >= 0) || whole && (s.Offset() < 0 || s.To() < s.Offset()) || s.DeferredBy().Topic != 2 {
			t.Fatalf("partition %d, [%d, %d), flags %d", s.Partition, s.Offset(), s.To(), s.Flags)
		}
	})
}

func TestSaneCommit(t *testing.T) {
	whole := kmsg.OffsetCommitValue{Version: 4, Offset: 7, Metadata: "m", TopicID: [16]byte{1}}
	value := whole.AppendTo(nil)
	wild := append(value[:len(value)-19:len(value)-19], 0xff, 0xff, 0xff, 0xff, 0x0f)
	old := kmsg.OffsetCommitValue{Version: 3, Offset: 7, Metadata: "m"}
	for name, c := range map[string]struct {
		value []byte
		want  bool
	}{
		"with a tag": {value, true}, "without its tags": {value[:len(value)-19], false}, "with 2^32 tags": {wild, false},
		"cut in its metadata": {value[:15], false}, "of the version without tags": {old.AppendTo(nil), true}, "of two bytes": {value[:2], true},
	} {
		if got := isSaneCommit(c.value); got != c.want {
			t.Errorf("a commit %s: %v, want %v", name, got, c.want)
		}
	}
}
