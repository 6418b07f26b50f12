package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

const (
	// maxTime bounds all times of a scenario, so that sums of them mean something.
	maxTime = 1000 * time.Hour
	// maxRecords is more than a run can send.
	maxRecords = 1 << 40
	// samples is how many records are asked for their times and keys.
	samples = 256
)

// checkLoad returns an error if the load of a scenario cannot be sent. A pacer, keys and
// a service of another module may say anything.
func checkLoad(s *harness.Scenario) error {
	if !s.Load.HasKeys() && s.AddedPartitions() > 0 {
		return errors.New("its records need keys: without keys the producer sends nothing to partitions that are added")
	}
	return errors.Join(checkPacer(s.Load.Pacer), checkKeys(s.Load.Keys), checkValueSizes(s.Load.Sizes), checkService(s.Service))
}

func checkPacer(p harness.Pacer) error {
	if v, ok := p.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return err
		}
	}
	if _, ok := p.At(0); !ok {
		return fmt.Errorf("its load, %s, has no record", p)
	}
	if _, ok := p.At(maxRecords); ok {
		return fmt.Errorf("its load, %s, has no end: record %d is due too", p, uint64(maxRecords))
	}
	records, _, last := load.Extent(p)
	if last > maxTime {
		return fmt.Errorf("its load, %s, takes %v: at most %v", p, last, maxTime)
	}
	before := time.Duration(0)
	for n := range min(records, samples) {
		due, _ := p.At(n)
		if due < before || due > last {
			return fmt.Errorf("its load, %s, lets record %d be due at %v, after %v and before %v: want times that begin at 0 or later and never fall", p, n, due, before, last)
		}
		before = due
	}
	return nil
}

func checkKeys(keys harness.Keys) error {
	count, r := keys.Count(), rand.New(rand.NewPCG(1, 1))
	if count < 1 || count > load.MaxKeys {
		return fmt.Errorf("its keys, %s, are %d: want 1 to %d", keys, count, load.MaxKeys)
	}
	for n := range uint64(samples) {
		if k := keys.Key(n, r); int64(k) >= int64(count) {
			return fmt.Errorf("its keys, %s, give key %d to record %d: want one below their count of %d", keys, k, n, count)
		}
	}
	return nil
}

// checkValueSizes returns an error if values are too short or too long, or not at most as long as they say.
func checkValueSizes(sizes harness.Sizes) error {
	if sizes == nil {
		return nil
	}
	if longest := sizes.Max(); longest > maxPayload {
		return fmt.Errorf("its values, %s, have up to %d bytes: at most %d", sizes, longest, maxPayload)
	}
	for n := range uint64(samples) {
		if size := sizes.Size(n, 1); size < ledger.IdentitySize || size > sizes.Max() {
			return fmt.Errorf("its values, %s, have %d bytes in record %d: want %d to %d", sizes, size, n, ledger.IdentitySize, sizes.Max())
		}
	}
	return nil
}

// checkService returns an error if a pod cannot read the service: it gets the text.
func checkService(s harness.Service) error {
	if _, err := load.ParseService(s.String()); err != nil {
		return fmt.Errorf("its service cannot be handed to a pod: %w", err)
	}
	return nil
}
