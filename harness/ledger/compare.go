package ledger

import (
	"cmp"
	"fmt"
	"slices"
)

// CompareAppended returns an error if two journals do not have the same records of the source, or if one
// lacks the order of each partition. It disregards [FlagProven], and keeps both in memory.
func CompareAppended(one, other string) error {
	a, err := readAppended(one)
	if err != nil {
		return err
	}
	b, err := readAppended(other)
	if err != nil {
		return err
	}
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return fmt.Errorf("%s has %d records and %s has %d; the first that differs is %v in one and %v in the other",
				one, len(a), other, len(b), describeAt(a, i), describeAt(b, i))
		}
	}
	return nil
}

// readAppended are the slots of a journal in the order of their positions.
func readAppended(path string) (all []Slot, err error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	latest, disorder := map[int32]int64{}, error(nil)
	err = r.Each(func(s *Slot) {
		if before, ok := latest[s.Partition]; ok && s.offset <= before && disorder == nil {
			disorder = fmt.Errorf("%s: offset %d of partition %d comes after offset %d", path, s.offset, s.Partition, before)
		}
		latest[s.Partition] = s.offset
		s.Flags &^= FlagProven
		all = append(all, *s)
	})
	slices.SortStableFunc(all, func(a, b Slot) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.offset, b.offset))
	})
	return all, cmp.Or(err, disorder)
}

func describeAt(slots []Slot, i int) string {
	if i >= len(slots) {
		return "missing"
	}
	s := &slots[i]
	return fmt.Sprintf("%v key %d seq %d due %d sent %d appended %d flags %d", s.Position(), s.key, s.seq, s.due, s.sent, s.start, s.Flags)
}
