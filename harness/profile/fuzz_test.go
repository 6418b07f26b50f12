package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// A profile that is accepted can be replayed, or is refused with an error.
func FuzzParse(f *testing.F) {
	for _, change := range []func(*Profile){
		func(*Profile) {},
		func(p *Profile) { p.Keys = Keys{Keyless: 100} },
		func(p *Profile) { p.Keys.Top, p.Keys.Tail = nil, []Segment{{From: 1, To: 9, Records: 100}} },
	} {
		raw, err := json.Marshal(smallProfile(change))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Parse(raw)
		if err != nil || len(p.Partitions.Records) > 100 {
			return
		}
		if last := len(p.Keys.Tail) - 1; last >= 0 && p.Keys.Tail[last].To > 10_000 {
			return
		}
		r, err := NewReplay(p, 1.5)
		if err != nil {
			return
		}
		var s harness.Scenario
		if err := r.Apply(&s, 0); err != nil {
			return
		}
		for n := range uint64(50) {
			if key := s.Load.SeededKeys(1).Key(n, nil); s.Load.HasKeys() && int(key) >= s.Load.Keys.Count() {
				t.Fatalf("key %d of %d", key, s.Load.Keys.Count())
			}
			if size := s.Load.ValueSize(n, 1); size < 40 || size > maxValue {
				t.Fatalf("a value of %d bytes", size)
			}
			s.Load.Pacer.At(n)
		}
	})
}

// A dump that is accepted makes a profile that is accepted.
func FuzzDump(f *testing.F) {
	f.Add([]byte(fmt.Sprintf("%d 0 100 alpha\n%d 2 50 b c\n", t0, t0+500)))
	f.Add([]byte(fmt.Sprintf("CreateTime:%d\tPartition:0\talpha\tvalue\nmore\nLogAppendTime:%d\tPartition:2\tnull\tnull\n", t0, t0+500)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := ReadDump(bytes.NewReader(raw), time.UnixMilli(t0))
		if err != nil {
			return
		}
		if err := p.validate(); err != nil {
			t.Fatal(err)
		}
	})
}
