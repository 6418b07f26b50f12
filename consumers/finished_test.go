package consumers

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

func decoded(text string, base int64) []run {
	runs, epoch := decodeFinished(text, aLog.topic, aLog.partition, base, math.MaxInt64)
	if runs != nil && epoch != aLog.epoch {
		return []run{{-1, -1}}
	}
	return runs
}

func TestFinishedComesBack(t *testing.T) {
	for name, runs := range map[string][]run{
		"one":         {{100, 101}},
		"right there": {{90, 95}},
		"far":         {{1 << 40, 1<<40 + 3}},
		"long":        {{91, 1 << 50}},
		"every other": spread(91, 2, 300),
		"in between":  {{91, 92}, {93, 99}, {200, 201}, {1000, 5000}},
	} {
		text := encodeFinished(aLog, 90, runs, mostMetadata)
		if got := decoded(text, 90); !slices.Equal(got, runs) {
			t.Errorf("%s: %v came back as %v", name, runs, got)
		}
		if len(text) > mostMetadata {
			t.Errorf("%s: %d characters", name, len(text))
		}
	}
	if text := encodeFinished(aLog, 90, nil, mostMetadata); text != "" {
		t.Errorf("nothing is %q", text)
	}
}

// spread is n offsets, so far apart.
func spread(from, step int64, n int) (runs []run) {
	for i := range int64(n) {
		runs = append(runs, run{from + i*step, from + i*step + 1})
	}
	return runs
}

func TestFinishedTakesTheShorterForm(t *testing.T) {
	dense, sparse := spread(11, 2, 400), spread(11, 1000, 50)
	if n := len(encodeFinished(aLog, 10, dense, mostMetadata)); n > 200 {
		t.Errorf("800 offsets of which every other is finished take %d characters", n)
	}
	if n := len(encodeFinished(aLog, 10, sparse, mostMetadata)); n > 260 {
		t.Errorf("50 offsets among 50,000 take %d characters", n)
	}
}

// What has no room is left out from the end.
func TestFinishedFitsTheRoom(t *testing.T) {
	for _, runs := range [][]run{spread(11, 2, 40_000), spread(11, 1000, 40_000), {{11, 12}}} {
		for _, room := range []int{0, 1, 30, 44, 45, 46, 60, 100, 1000, mostMetadata} {
			text := encodeFinished(aLog, 10, runs, room)
			if len(text) > room {
				t.Fatalf("%d characters in a room of %d", len(text), room)
			}
			got := decoded(text, 10)
			if len(got) > len(runs) || !slices.Equal(got, runs[:len(got)]) {
				t.Fatalf("in a room of %d: no beginning of what is finished: %v", room, got)
			}
			if room == mostMetadata && len(got) < min(len(runs), 800) {
				t.Errorf("only %d of %d are in", len(got), len(runs))
			}
		}
	}
}

func TestFinishedIsBelievedOnlyWhereItBelongs(t *testing.T) {
	text := encodeFinished(aLog, 90, []run{{95, 100}}, mostMetadata)
	other := aLog.topic
	other[15]++
	for name, runs := range map[string][]run{
		"another incarnation of the topic": first(decodeFinished(text, other, 7, 90, 1000)),
		"another partition":                first(decodeFinished(text, aLog.topic, 8, 90, 1000)),
		"a commit moved back":              first(decodeFinished(text, aLog.topic, 7, 89, 1000)),
		"a commit moved on":                first(decodeFinished(text, aLog.topic, 7, 91, 1000)),
		"no commit":                        first(decodeFinished(text, aLog.topic, 7, -1, 1000)),
		"a log that ends before":           first(decodeFinished(text, aLog.topic, 7, 90, 95)),
		"somebody's text":                  decoded("consumer-1-0000", 90),
		"no text":                          decoded("", 90),
		"too long a text":                  decoded(text+strings.Repeat("A", mostMetadata), 90),
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
	if got := first(decodeFinished(text, aLog.topic, 7, 90, 97)); !slices.Equal(got, []run{{95, 97}}) {
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

func first(runs []run, _ int32) []run { return runs }

// changed is a text with its bytes changed and the checksum right.
func changed(text string, change func([]byte)) string {
	raw, _ := base64.RawStdEncoding.DecodeString(text)
	change(raw)
	binary.BigEndian.PutUint32(raw[1:], crc32.Checksum(raw[5:], castagnoli))
	return base64.RawStdEncoding.EncodeToString(raw)
}

// FuzzFinished: whatever the text, what is believed lies in order and apart between
// the commit and the end of the log, and can be handed on.
func FuzzFinished(f *testing.F) {
	for _, runs := range [][]run{{{95, 100}}, spread(91, 2, 100), spread(91, 500, 10), {{91, math.MaxInt64}}} {
		raw, _ := base64.RawStdEncoding.DecodeString(encodeFinished(aLog, 90, runs, mostMetadata))
		f.Add(raw, int64(90), int64(1000))
	}
	f.Fuzz(func(t *testing.T, raw []byte, base, end int64) {
		text := base64.RawStdEncoding.EncodeToString(raw)
		if len(raw) > 5 {
			text = changed(text, func([]byte) {}) // else nothing gets past the checksum
		}
		runs, epoch := decodeFinished(text, aLog.topic, aLog.partition, base, end)
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
		again, _ := decodeFinished(encodeFinished(log, base, runs, mostMetadata), log.topic, log.partition, base, end)
		if len(again) == 0 || again[0].from != runs[0].from {
			t.Fatalf("%v is handed on as %v", runs, again)
		}
		if !within(runs, runs[0].from) || within(runs, at) || within(runs, runs[0].from-1) {
			t.Fatal("within is wrong at an end")
		}
	})
}

// owner is an owner of a partition that keeps what it finished.
func owner(t *testing.T, at commit) (*assignment, *window) {
	w := newWindow(1000, 1, 100)
	a := newAssignment(t.Context(), w)
	a.kept = newProgress(7)
	a.tell(at.at, withMember("pod-1", at.text))
	return a, w
}

func fetched(from, to int64, epoch int32) (list []*kgo.Record) {
	for offset := from; offset < to; offset++ {
		list = append(list, &kgo.Record{Partition: 7, Offset: offset, LeaderEpoch: epoch})
	}
	return list
}

// works has an owner finish the offsets given and drop the rest.
func works(a *assignment, tasks []task, finish func(int64) bool) (did []int64) {
	for _, task := range tasks {
		if a.start(task.seq) {
			done := finish(task.record.Offset)
			a.finish(task.seq, done)
			if done {
				did = append(did, task.record.Offset)
			}
		}
	}
	return did
}

func even(offset int64) bool { return offset%2 == 0 }
func every(int64) bool       { return true }

var none = commit{at: kgo.EpochOffset{Epoch: -1, Offset: -1}}

func TestNextOwnerSkipsWhatIsFinished(t *testing.T) {
	a, _ := owner(t, none)
	works(a, a.resume(aLog.topic, 100, fetched(1, 21, 4), nil), even)
	handed, ok := a.uncommitted(mostMetadata)
	if !ok || handed.at.Offset != 1 || handed.text == "" {
		t.Fatalf("handed on %+v, %v", handed, ok)
	}
	a.setCommitted(handed)
	if again, ok := a.uncommitted(mostMetadata); ok {
		t.Errorf("handed on %+v although nothing has changed", again)
	}

	// The next has taken half of it, and hands on all of it.
	b, _ := owner(t, handed)
	if did := works(b, b.resume(aLog.topic, 100, fetched(1, 11, 4), nil), func(int64) bool { return false }); len(did) != 0 {
		t.Error("did", did)
	}
	handed, ok = b.uncommitted(mostMetadata)
	if !ok || handed.at.Offset != 1 {
		t.Fatalf("handed on %+v, %v", handed, ok)
	}

	c, w := owner(t, handed)
	did := works(c, c.resume(aLog.topic, 100, fetched(1, 25, 4), nil), every)
	if !slices.Equal(did, []int64{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 22, 23, 24}) {
		t.Error("did", did)
	}
	if next, _ := c.uncommitted(mostMetadata); next.at.Offset != 25 || next.text != "" || w.held.Load() != 0 {
		t.Errorf("committed %+v, %d held", next, w.held.Load())
	}
}

func TestNextOwnerSkipsNothingElse(t *testing.T) {
	a, _ := owner(t, none)
	works(a, a.resume(aLog.topic, 100, fetched(1, 21, 4), nil), even)
	handed, _ := a.uncommitted(mostMetadata)
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
		if did := works(b, b.resume(c.topic, c.end, c.records, nil), every); len(did) != c.want {
			t.Errorf("%s: did %v, want %d", name, did, c.want)
		}
	}
}

// At a revocation the gaps stay, and nothing that was finished is done again.
func TestKeptProgressNeedsNoDrainOfGaps(t *testing.T) {
	a, _ := owner(t, none)
	tasks := a.resume(aLog.topic, 100, fetched(1, 21, 4), nil)
	works(a, tasks[5:8], every)
	a.close()
	if !quiet(a) {
		t.Error("it waits for gaps")
	}
	if did := works(a, tasks[:5], every); len(did) != 0 {
		t.Errorf("did %v after the end", did)
	}
}

// Whatever owners finish, lose and hand on, each offset is done at least once, and
// none twice that was finished at a commit.
func TestProgressOverManyOwners(t *testing.T) {
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
				for _, offset := range works(a, a.resume(aLog.topic, end, batch, nil), func(int64) bool { return turn > 50 || random.IntN(3) > 0 }) {
					if done[offset]++; committed[offset] > 0 {
						t.Fatalf("seed %d: offset %d is done again after a commit that had it", seed, offset)
					}
				}
				from += n
				if next, ok := a.uncommitted(mostMetadata); ok && random.IntN(2) == 0 {
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
func note(committed *[400]int, at commit) {
	for offset := range at.at.Offset {
		committed[offset]++
	}
	runs, _ := decodeFinished(at.text, aLog.topic, 7, at.at.Offset, math.MaxInt64)
	for i := range committed {
		committed[i] = min(committed[i], 1)
		if int64(i) >= at.at.Offset {
			committed[i] = 0
		}
		if within(runs, int64(i)) {
			committed[i] = 1
		}
	}
}
