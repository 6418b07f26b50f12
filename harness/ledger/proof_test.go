package ledger

import (
	"path/filepath"
	"slices"
	"testing"
)

// said is one slot of a history of acknowledgements and attempts of partition 0.
type said struct {
	offset   int64
	key, seq uint32
}

// sendsJournal writes acknowledged sends, and one of an unknown outcome.
func sendsJournal(t *testing.T, acks []said) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sends.journal")
	w, err := NewWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range acks {
		s := NewSlot(KindSend, 0).With(OutcomeAcked)
		s.SetRecord(&Identity{Key: a.key, Seq: a.seq})
		s.offset = a.offset
		if err := w.Append(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Append(NewSlot(KindSend, 0).With(OutcomeUnknown)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func seenIn(attempts []said, change func(*Slot)) *Sightings {
	seen := NewSightings(1)
	for _, a := range attempts {
		s := NewSlot(KindAttempt, 1).With(OutcomeError)
		s.SetRecord(&Identity{Key: a.key, Seq: a.seq})
		s.offset = a.offset
		if change != nil {
			change(&s)
		}
		seen.AddAttempt(&s)
	}
	return seen
}

// A record is proven if the acknowledgement and all attempts at its position agree, and no acknowledgement
// contradicts another.
func TestOnlyWhatAcknowledgementAndAttemptsAgreeOnIsProven(t *testing.T) {
	three := []said{{0, 7, 0}, {1, 8, 0}, {2, 7, 1}}
	for name, tt := range map[string]struct {
		acks, attempts []said
		change         func(*Slot)
		least          int64
		end            int64
		unproven       []Range
	}{
		"all agree":                             {acks: three, attempts: three, end: 3},
		"no attempt":                            {acks: three, attempts: three[:2], end: 3, unproven: []Range{{2, 3}}},
		"no acknowledgement":                    {acks: three[1:], attempts: three, end: 3, unproven: []Range{{0, 1}}},
		"another record at the position":        {acks: three, attempts: []said{{0, 7, 0}, {1, 7, 1}, {2, 7, 1}}, end: 3, unproven: []Range{{1, 2}}},
		"two records at the position":           {acks: three, attempts: append([]said{{1, 9, 9}}, three...), end: 3, unproven: []Range{{1, 2}}},
		"a redelivery":                          {acks: three, attempts: append(three[:3:3], three...), end: 3},
		"an invented position":                  {acks: three, attempts: append(three[:3:3], said{1 << 20, 7, 0}, said{1 << 50, 7, 0}, said{-1, 7, 0}), end: 3},
		"a corrupt record":                      {acks: three, attempts: three, change: func(s *Slot) { s.Flags = FlagCorrupt }, end: 3, unproven: []Range{{0, 3}}},
		"a copy in a side topic":                {acks: three, attempts: three, change: func(s *Slot) { s.Topic = 1 }, end: 3, unproven: []Range{{0, 3}}},
		"another partition":                     {acks: three, attempts: three, change: func(s *Slot) { s.Partition = 1 }, end: 3, unproven: []Range{{0, 3}}},
		"a record of another run":               {acks: []said{{0, NoIdentity, NoIdentity}}, attempts: []said{{0, NoIdentity, NoIdentity}}, end: 1, unproven: []Range{{0, 1}}},
		"a longer log":                          {acks: three, attempts: three, end: 5, unproven: []Range{{3, 5}}},
		"a shorter log":                         {acks: three, attempts: three, end: 2},
		"an offset that was given twice":        {acks: append(three[:3:3], said{1, 9, 0}), attempts: three, end: 3, unproven: []Range{{1, 3}}},
		"a log that was cut and goes on":        {acks: []said{{0, 7, 0}, {1, 8, 0}, {2, 7, 1}, {1, 9, 0}, {2, 9, 1}, {3, 9, 2}}, attempts: append(three[:3:3], said{3, 9, 2}), end: 4, unproven: []Range{{1, 3}}},
		"few proven between two that are not":   {acks: three, attempts: []said{{1, 8, 0}}, end: 3, unproven: []Range{{0, 1}, {2, 3}}},
		"too few to be worth it between others": {acks: []said{{0, 7, 0}, {1, 8, 0}, {2, 7, 1}, {3, 1, 1}, {4, 1, 2}}, attempts: []said{{1, 8, 0}, {3, 1, 1}, {4, 1, 2}}, least: 2, end: 5, unproven: []Range{{0, 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Prove(sendsJournal(t, tt.acks), seenIn(tt.attempts, tt.change), NewClock(), max(1, tt.least))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Unproven(0, tt.end); !slices.Equal(got, tt.unproven) {
				t.Errorf("unproven %v, want %v", got, tt.unproven)
			}
			checkProven(t, p, tt.acks)
		})
	}
}

// checkProven compares the proven records with the acknowledgements and with what is unproven.
func checkProven(t *testing.T, p *Proof, acks []said) {
	t.Helper()
	var got []int64
	if err := p.Each(func(s *Slot) error {
		got = append(got, s.offset)
		if !slices.Contains(acks, said{s.offset, s.key, s.seq}) || s.Kind() != KindAppended || s.Flags != FlagProven {
			t.Errorf("%+v is proven", *s)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var want []int64
	unproven := p.Unproven(0, 100)
	for offset := range int64(100) {
		if !slices.ContainsFunc(unproven, func(r Range) bool { return r.From <= offset && offset < r.To }) {
			want = append(want, offset)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("proven %v, want %v", got, want)
	}
}

// Two final reads are the same if they have the same records, each in the order of its partition.
func TestFinalReadsAreCompared(t *testing.T) {
	journal := func(flags Flags, order ...said) string {
		path := filepath.Join(t.TempDir(), "appended.journal")
		w, err := NewWriter(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range order {
			s := NewSlot(KindAppended, 0).With(OutcomeAcked)
			s.Partition, s.offset, s.key, s.Flags = int32(a.seq), a.offset, a.key, flags
			if err := w.Append(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one := journal(FlagProven, said{0, 1, 0}, said{0, 2, 1}, said{1, 3, 0})
	for name, tt := range map[string]struct {
		other string
		same  bool
	}{
		"partitions in another order": {journal(0, said{0, 2, 1}, said{0, 1, 0}, said{1, 3, 0}), true},
		"one record less":             {journal(0, said{0, 1, 0}, said{0, 2, 1}), false},
		"one record more":             {journal(0, said{0, 1, 0}, said{0, 2, 1}, said{1, 3, 0}, said{2, 3, 0}), false},
		"another record":              {journal(0, said{0, 1, 0}, said{0, 2, 1}, said{1, 4, 0}), false},
		"no order within a partition": {journal(0, said{0, 2, 1}, said{1, 3, 0}, said{0, 1, 0}), false},
	} {
		if err := CompareAppended(one, tt.other); (err == nil) != tt.same {
			t.Errorf("%s: %v", name, err)
		}
	}
}
