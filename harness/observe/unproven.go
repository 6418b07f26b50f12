package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// Limits of what [SourceReader.ReadUnproven] reads apart from the rest. What it has read waits in memory for its
// place in the log.
const (
	maxUnproven = 1 << 17 // records
	maxRounds   = 1 << 8  // ranges of a partition
)

// ReadUnproven reads what the proof does not have, up to the present ends, and emits all records in the order of
// each partition. It returns how many it did not read. Where little is proven, or the log lost its beginning, it
// reads all.
func (r *SourceReader) ReadUnproven(ctx context.Context, proof *ledger.Proof) (proven int64, err error) {
	ends, err := r.client.Ends(ctx, r.topic)
	if err != nil {
		return 0, fmt.Errorf("final read: %w", err)
	}
	starts, err := r.client.startOffsets(ctx, r.topic.Name, len(ends))
	if err != nil {
		return 0, fmt.Errorf("final read: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	begun := func(offset int64) bool { return offset > 0 }
	if slices.ContainsFunc(r.read, begun) || slices.ContainsFunc(starts, begun) || r.client.firstPartition(r.topic.Name) > 0 {
		return 0, r.readTo(ctx, ends)
	}
	gaps, few := unprovenRanges(proof, ends)
	if !few {
		return 0, r.readTo(ctx, ends)
	}
	read, readErr := r.readRanges(ctx, gaps, len(ends))
	proven, err = r.mergeProven(proof, read, ends)
	if readErr == nil {
		copy(r.read, ends)
	}
	return proven, errors.Join(readErr, err)
}

// unprovenRanges are the ranges to read of each partition. few: they are worth to be read apart.
func unprovenRanges(proof *ledger.Proof, ends []int64) (gaps [][]ledger.Range, few bool) {
	gaps, unproven := make([][]ledger.Range, len(ends)), int64(0)
	for p, end := range ends {
		gaps[p] = proof.Unproven(p, end)
		for _, g := range gaps[p] {
			unproven += g.To - g.From
		}
		if unproven > maxUnproven || len(gaps[p]) > maxRounds {
			return nil, false
		}
	}
	return gaps, true
}

// readRanges reads ranges of each partition, one of each at a time.
func (r *SourceReader) readRanges(ctx context.Context, ranges [][]ledger.Range, partitions int) (read [][]ledger.Slot, err error) {
	read = make([][]ledger.Slot, partitions)
	keep := func(record *logRecord) error {
		if s, ok := r.appendedSlot(record); ok {
			read[record.partition] = append(read[record.partition], s)
		}
		return nil
	}
	for round := 0; ; round++ {
		from, to, left := make([]int64, partitions), make([]int64, partitions), false
		for p := range ranges {
			if round < len(ranges[p]) {
				from[p], to[p], left = ranges[p][round].From, ranges[p][round].To, true
			}
		}
		if !left {
			return read, nil
		}
		if _, err := r.client.readLog(ctx, r.topic.Name, from, to, kgo.ReadUncommitted(), keep); err != nil {
			return read, err
		}
	}
}

// mergeProven emits what is proven below the ends, and in its place what was read.
func (r *SourceReader) mergeProven(proof *ledger.Proof, read [][]ledger.Slot, ends []int64) (proven int64, err error) {
	emitBefore := func(p int32, offset int64) error {
		for len(read[p]) > 0 && read[p][0].Offset() < offset {
			if err := r.emit(read[p][0]); err != nil {
				return err
			}
			read[p] = read[p][1:]
		}
		return nil
	}
	err = proof.Each(func(s *ledger.Slot) error {
		if s.Offset() >= ends[s.Partition] {
			return nil // the log does not have it any more
		}
		if err := emitBefore(s.Partition, s.Offset()); err != nil {
			return err
		}
		proven++
		return r.emit(*s)
	})
	for p := 0; p < len(read) && err == nil; p++ {
		err = emitBefore(int32(p), ends[p])
	}
	return proven, err
}
