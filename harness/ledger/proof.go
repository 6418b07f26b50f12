package ledger

import "slices"

// Range is the offsets of a partition from From on and below To.
type Range struct{ From, To int64 }

// Proof says which records of the source need no reading at the end of a run: an acknowledgement of the producer
// and the attempts of pods agree on where each lies. It says nothing about what happened to the log since then.
// oracle/CHECKS.md defines when a run may rely on it.
type Proof struct {
	sends string // sends is the path of the journal with the acknowledgements.
	clock Clock
	parts []provenPartition
}

// provenPartition is what is proven of a partition.
type provenPartition struct {
	ranges []Range // ranges are sorted.
	next   int64   // next is one past the highest offset that was acknowledged.
}

// Prove compares the sealed journal of sends with what pods have seen. Two unproven offsets are read as one range,
// with all between them, if fewer than least proven ones lie between them.
func Prove(sends string, seen *Sightings, clock Clock, least int64) (*Proof, error) {
	p := &Proof{sends: sends, clock: clock, parts: make([]provenPartition, len(seen.parts))}
	err := p.eachAck(func(s *Slot) error {
		p.parts[s.Partition].addAck(s.offset, seen.agreesWith(s), least)
		return nil
	})
	return p, err
}

// eachAck calls fn for each acknowledged send, in the order of the acknowledgements, until it fails.
func (p *Proof) eachAck(fn func(*Slot) error) error {
	r, err := Open(p.sends)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.eachBlock(func(slots []Slot) error {
		for k := range slots {
			s := &slots[k]
			if s.Kind() != KindSend || s.Outcome() != OutcomeAcked || s.Topic != 0 || uint(s.Partition) >= uint(len(p.parts)) {
				continue
			}
			if err := fn(s); err != nil {
				return err
			}
		}
		return nil
	})
}

// addAck adds an offset that was acknowledged. agrees: pods have found the same record there. The
// acknowledgements of a partition come in the order of its log. Where one goes back, nothing is
// proven from there on: the log was cut, or the broker gave an offset twice.
func (p *provenPartition) addAck(offset int64, agrees bool, least int64) {
	if offset < p.next {
		p.cutFrom(offset)
		return
	}
	p.next = offset + 1
	if !agrees {
		return
	}
	switch last := len(p.ranges) - 1; {
	case last >= 0 && p.ranges[last].To == offset:
		p.ranges[last].To++
	case last >= 0 && p.ranges[last].To-p.ranges[last].From < least:
		p.ranges[last] = Range{offset, offset + 1}
	default:
		p.ranges = append(p.ranges, Range{offset, offset + 1})
	}
}

// cutFrom takes back what was proven at an offset and above.
func (p *provenPartition) cutFrom(offset int64) {
	p.ranges = slices.DeleteFunc(p.ranges, func(r Range) bool { return r.From >= offset })
	if last := len(p.ranges) - 1; last >= 0 {
		p.ranges[last].To = min(p.ranges[last].To, offset)
	}
}

// Unproven are the offsets of a partition below end that are not proven.
func (p *Proof) Unproven(partition int, end int64) (gaps []Range) {
	from := int64(0)
	for _, r := range p.parts[partition].ranges {
		if r.From >= end {
			break
		}
		if r.From > from {
			gaps = append(gaps, Range{from, r.From})
		}
		from = r.To
	}
	if from < end {
		gaps = append(gaps, Range{from, end})
	}
	return gaps
}

// Each calls fn for each proven record as the final read would find it, in the order of each partition, until it
// fails. The slot is valid during the call.
func (p *Proof) Each(fn func(*Slot) error) error {
	at := make([]int, len(p.parts)) // by partition: the range of the next record
	found := NewSlot(KindAppended, 0).With(OutcomeAcked)
	found.Flags = FlagProven
	return p.eachAck(func(s *Slot) error {
		ranges, k := p.parts[s.Partition].ranges, &at[s.Partition]
		for *k < len(ranges) && s.offset >= ranges[*k].To {
			*k++
		}
		if *k == len(ranges) || s.offset < ranges[*k].From {
			return nil
		}
		found.Partition, found.offset = s.Partition, s.offset
		found.key, found.seq, found.due, found.sent = s.key, s.seq, s.due, s.sent
		found.start = p.clock.Time(s.sent).UnixMilli() * 1e6 // the producer stamps a record with the time of its send, in ms
		return fn(&found)
	})
}
