package client

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestRecycledRecordsServeAgain(t *testing.T) {
	var p recordPool
	small, large := p.GetRecords(10), p.GetRecords(100)
	p.PutRecords(small)
	if r := p.GetRecords(11); cap(r) < 11 || &r[:1][0] == &small[0] {
		t.Error("11 records in the place of 10")
	}
	p.PutRecords(large)
	if r := p.GetRecords(11); &r[:1][0] != &large[0] {
		t.Error("records that are free do not serve again")
	}
	if r := p.GetRecords(7); &r[:1][0] != &small[0] {
		t.Error("records that are free and enough do not serve again")
	}
	for range 2 * maxFree {
		p.PutRecords(make([]kgo.Record, 1))
	}
	if len(p.free) > maxFree {
		t.Errorf("%d batches lie idle, want %d at most", len(p.free), maxFree)
	}
}
