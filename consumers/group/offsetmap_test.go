package group

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

var aLog = logID{topic: [16]byte{1, 2, 3}, partition: 7, epoch: 4}

func decoded(text string, base int64) []offsetRange {
	runs, epoch := decodeOffsets(text, aLog.topic, aLog.partition, base, math.MaxInt64)
	if runs != nil && epoch != aLog.epoch {
		return []offsetRange{{-1, -1}}
	}
	return runs
}

func TestOffsetMapIsReadAsWritten(t *testing.T) {
	for name, runs := range map[string][]offsetRange{
		"one":         {{100, 101}},
		"right there": {{90, 95}},
		"far":         {{1 << 40, 1<<40 + 3}},
		"long":        {{91, 1 << 50}},
		"every other": spread(91, 2, 300),
		"in between":  {{91, 92}, {93, 99}, {200, 201}, {1000, 5000}},
	} {
		text := encodeOffsets(aLog, 90, runs, maxMetadata)
		if got := decoded(text, 90); !slices.Equal(got, runs) {
			t.Errorf("%s: %v came back as %v", name, runs, got)
		}
		if len(text) > maxMetadata {
			t.Errorf("%s: %d characters", name, len(text))
		}
	}
	if text := encodeOffsets(aLog, 90, nil, maxMetadata); text != "" {
		t.Errorf("nothing is %q", text)
	}
}

// spread is n offsets, so far apart.
func spread(from, step int64, n int) (runs []offsetRange) {
	for i := range int64(n) {
		runs = append(runs, offsetRange{from + i*step, from + i*step + 1})
	}
	return runs
}

func TestOffsetMapUsesTheShorterForm(t *testing.T) {
	dense, sparse := spread(11, 2, 400), spread(11, 1000, 50)
	if n := len(encodeOffsets(aLog, 10, dense, maxMetadata)); n > 200 {
		t.Errorf("800 offsets of which every other is finished take %d characters", n)
	}
	if n := len(encodeOffsets(aLog, 10, sparse, maxMetadata)); n > 260 {
		t.Errorf("50 offsets among 50,000 take %d characters", n)
	}
}

// What has no room is left out from the end.
func TestOffsetMapFitsItsRoom(t *testing.T) {
	for _, runs := range [][]offsetRange{spread(11, 2, 40_000), spread(11, 1000, 40_000), {{11, 12}}} {
		for _, room := range []int{0, 1, 30, 44, 45, 46, 60, 100, 1000, maxMetadata} {
			text := encodeOffsets(aLog, 10, runs, room)
			if len(text) > room {
				t.Fatalf("%d characters in a room of %d", len(text), room)
			}
			got := decoded(text, 10)
			if len(got) > len(runs) || !slices.Equal(got, runs[:len(got)]) {
				t.Fatalf("in a room of %d: no beginning of what is finished: %v", room, got)
			}
			if room == maxMetadata && len(got) < min(len(runs), 800) {
				t.Errorf("only %d of %d are in", len(got), len(runs))
			}
		}
	}
}

func TestOffsetMapOfAnotherLogIsIgnored(t *testing.T) {
	text := encodeOffsets(aLog, 90, []offsetRange{{95, 100}}, maxMetadata)
	other := aLog.topic
	other[15]++
	for name, runs := range map[string][]offsetRange{
		"another incarnation of the topic": first(decodeOffsets(text, other, 7, 90, 1000)),
		"another partition":                first(decodeOffsets(text, aLog.topic, 8, 90, 1000)),
		"a commit moved back":              first(decodeOffsets(text, aLog.topic, 7, 89, 1000)),
		"a commit moved on":                first(decodeOffsets(text, aLog.topic, 7, 91, 1000)),
		"no commit":                        first(decodeOffsets(text, aLog.topic, 7, -1, 1000)),
		"a log that ends before":           first(decodeOffsets(text, aLog.topic, 7, 90, 95)),
		"somebody's text":                  decoded("consumer-1-0000", 90),
		"no text":                          decoded("", 90),
		"too long a text":                  decoded(text+strings.Repeat("A", maxMetadata), 90),
		"half a text":                      decoded(text[:len(text)/2], 90),
		"another version":                  decoded(changed(text, func(raw []byte) { raw[0]++ }), 90),
		"another form":                     decoded(changed(text, func(raw []byte) { raw[24] = 9 }), 90),
		"an empty run":                     decoded(changed(text, func(raw []byte) { raw[26] = 0 }), 90),
		"half a number":                    decoded(changed(text, func(raw []byte) { raw[26] = 0x80 }), 90),
	} {
		if len(runs) != 0 {
			t.Errorf("%s: believed %v", name, runs)
		}
	}
	if got := first(decodeOffsets(text, aLog.topic, 7, 90, 97)); !slices.Equal(got, []offsetRange{{95, 97}}) {
		t.Errorf("believed %v of a log that ends at 97", got)
	}
	for i := range text {
		broken := []byte(text)
		broken[i] ^= 1
		if got := decoded(string(broken), 90); len(got) != 0 {
			t.Fatalf("believed %v with character %d changed", got, i)
		}
	}
}

func first(runs []offsetRange, _ int32) []offsetRange { return runs }

// changed is a text with its bytes changed and the checksum right.
func changed(text string, change func([]byte)) string {
	raw, _ := base64.RawStdEncoding.DecodeString(text)
	change(raw)
	binary.BigEndian.PutUint32(raw[1:], crc32.Checksum(raw[5:], castagnoli))
	return base64.RawStdEncoding.EncodeToString(raw)
}

// FuzzOffsetMap: whatever the text, what is believed lies in order and apart between
// the commit and the end of the log, and can be handed on.
func FuzzOffsetMap(f *testing.F) {
	for _, runs := range [][]offsetRange{{{95, 100}}, spread(91, 2, 100), spread(91, 500, 10), {{91, math.MaxInt64}}} {
		raw, _ := base64.RawStdEncoding.DecodeString(encodeOffsets(aLog, 90, runs, maxMetadata))
		f.Add(raw, int64(90), int64(1000))
	}
	f.Fuzz(func(t *testing.T, raw []byte, base, end int64) {
		text := base64.RawStdEncoding.EncodeToString(raw)
		if len(raw) > 5 {
			text = changed(text, func([]byte) {}) // else nothing gets past the checksum
		}
		runs, epoch := decodeOffsets(text, aLog.topic, aLog.partition, base, end)
		at := base
		for _, r := range runs {
			if r.from < at || r.to <= r.from || r.to > end {
				t.Fatalf("run %v behind %d, of a log from %d to %d", r, at, base, end)
			}
			at = r.to
		}
		if len(runs) == 0 {
			return
		}
		log := aLog
		log.epoch = epoch
		again, _ := decodeOffsets(encodeOffsets(log, base, runs, maxMetadata), log.topic, log.partition, base, end)
		if len(again) == 0 || again[0].from != runs[0].from {
			t.Fatalf("%v is handed on as %v", runs, again)
		}
		if !containsOffset(runs, runs[0].from) || containsOffset(runs, at) || containsOffset(runs, runs[0].from-1) {
			t.Fatal("within is wrong at an end")
		}
	})
}

// owner is an owner of a partition that keeps what it finished.
func owner(t *testing.T, at commitPoint) (*Assignment, *Window) {
	w := NewWindow(1000, 1, 100)
	a := NewAssignment(t.Context(), TopicPartition{}, "", w)
	a.handover = newHandover(7)
	a.setPreviousCommit(at.at, prependMemberID("pod-1", at.text))
	return a, w
}

func fetched(from, to int64, epoch int32) (list []*kgo.Record) {
	for offset := from; offset < to; offset++ {
		list = append(list, &kgo.Record{Partition: 7, Offset: offset, LeaderEpoch: epoch})
	}
	return list
}

// works has an owner finish the offsets given and drop the rest.
func works(a *Assignment, tasks []Task, finish func(int64) bool) (did []int64) {
	for _, task := range tasks {
		if a.startRecord(task.seq) {
			done := finish(task.Record.Offset)
			a.finishRecord(task.seq, done)
			if done {
				did = append(did, task.Record.Offset)
			}
		}
	}
	return did
}

func even(offset int64) bool { return offset%2 == 0 }
func every(int64) bool       { return true }

var none = commitPoint{at: kgo.EpochOffset{Epoch: -1, Offset: -1}}

func TestNextOwnerSkipsCompletedRecords(t *testing.T) {
	a, _ := owner(t, none)
	works(a, a.acceptUncompleted(aLog.topic, 100, fetched(1, 21, 4), nil), even)
	handed, ok := a.uncommittedPoint(maxMetadata)
	if !ok || handed.at.Offset != 1 || handed.text == "" {
		t.Fatalf("handed on %+v, %v", handed, ok)
	}
	a.setCommitted(handed)
	if again, ok := a.uncommittedPoint(maxMetadata); ok {
		t.Errorf("handed on %+v although nothing has changed", again)
	}

	// The next has taken half of it, and hands on all of it.
	b, _ := owner(t, handed)
	if did := works(b, b.acceptUncompleted(aLog.topic, 100, fetched(1, 11, 4), nil), func(int64) bool { return false }); len(did) != 0 {
		t.Error("did", did)
	}
	handed, ok = b.uncommittedPoint(maxMetadata)
	if !ok || handed.at.Offset != 1 {
		t.Fatalf("handed on %+v, %v", handed, ok)
	}

	c, w := owner(t, handed)
	did := works(c, c.acceptUncompleted(aLog.topic, 100, fetched(1, 25, 4), nil), every)
	if !slices.Equal(did, []int64{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 22, 23, 24}) {
		t.Error("did", did)
	}
	if next, _ := c.uncommittedPoint(maxMetadata); next.at.Offset != 25 || next.text != "" || w.reserved.Load() != 0 {
		t.Errorf("committed %+v, %d held", next, w.reserved.Load())
	}
}

func TestNextOwnerSkipsNoOtherRecord(t *testing.T) {
	a, _ := owner(t, none)
	works(a, a.acceptUncompleted(aLog.topic, 100, fetched(1, 21, 4), nil), even)
	handed, _ := a.uncommittedPoint(maxMetadata)
	for name, c := range map[string]struct {
		records []*kgo.Record
		topic   [16]byte
		end     int64
		want    int
	}{
		"the same log":             {fetched(1, 21, 4), aLog.topic, 100, 10},
		"a log written anew":       {fetched(1, 21, 5), aLog.topic, 100, 20},
		"another topic":            {fetched(1, 21, 4), [16]byte{9}, 100, 20},
		"a topic without id":       {fetched(1, 21, 4), [16]byte{}, 100, 20},
		"a client that went back":  {fetched(0, 21, 4), aLog.topic, 100, 21},
		"a log that ends at 11":    {fetched(1, 21, 4), aLog.topic, 11, 15},
		"a leader's newer records": {append(fetched(1, 11, 4), fetched(11, 21, 5)...), aLog.topic, 100, 15},
	} {
		b, _ := owner(t, handed)
		if did := works(b, b.acceptUncompleted(c.topic, c.end, c.records, nil), every); len(did) != c.want {
			t.Errorf("%s: did %v, want %d", name, did, c.want)
		}
	}
}

// At a revocation the gaps stay, and nothing that was finished is done again.
func TestRevokedAssignmentWithOffsetMapStartsNoGap(t *testing.T) {
	a, _ := owner(t, none)
	tasks := a.acceptUncompleted(aLog.topic, 100, fetched(1, 21, 4), nil)
	works(a, tasks[5:8], every)
	a.stopAtNewest()
	if !quiet(a) {
		t.Error("it waits for gaps")
	}
	if did := works(a, tasks[:5], every); len(did) != 0 {
		t.Errorf("did %v after the end", did)
	}
}

// Whatever owners finish, lose and hand on, each offset is done at least once, and
// none twice that was finished at a commit.
func TestManyOwnersLoseNoRecord(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		const end = 400
		var done, committed [end]int
		at := none
		for turn := 0; at.at.Offset < end; turn++ {
			a, _ := owner(t, at)
			from := max(at.at.Offset, 0)
			to := min(from+random.Int64N(120), end)
			if turn > 50 {
				to = end
			}
			for from < to {
				n := min(1+random.Int64N(40), to-from)
				batch := fetched(from, from+n, 0)
				for _, r := range batch {
					r.LeaderEpoch = int32(r.Offset / 100)
				}
				for _, offset := range works(a, a.acceptUncompleted(aLog.topic, end, batch, nil), func(int64) bool { return turn > 50 || random.IntN(3) > 0 }) {
					if done[offset]++; committed[offset] > 0 {
						t.Fatalf("seed %d: offset %d is done again after a commit that had it", seed, offset)
					}
				}
				from += n
				if next, ok := a.uncommittedPoint(maxMetadata); ok && random.IntN(2) == 0 {
					at = next
					a.setCommitted(next)
					note(&committed, at)
				}
			}
		}
		for offset, n := range done {
			if n == 0 {
				t.Fatalf("seed %d: offset %d is lost", seed, offset)
			}
		}
	}
}

// note marks what a commit says is finished.
func note(committed *[400]int, at commitPoint) {
	for offset := range at.at.Offset {
		committed[offset]++
	}
	runs, _ := decodeOffsets(at.text, aLog.topic, 7, at.at.Offset, math.MaxInt64)
	for i := range committed {
		committed[i] = min(committed[i], 1)
		if int64(i) >= at.at.Offset {
			committed[i] = 0
		}
		if containsOffset(runs, int64(i)) {
			committed[i] = 1
		}
	}
}
