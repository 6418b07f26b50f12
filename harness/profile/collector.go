package profile

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Record is what a profile needs of a record.
type Record struct {
	Time      time.Time
	Partition int
	Key       []byte // Key is nil of a record without one. The collector does not keep it.
	Size      int    // Size is the length of the value, -1 of a tombstone.
	Weight    uint64 // Weight is how many records this one stands for. 0: 1.
}

// About is what a collector does not see in records.
type About struct {
	Made          time.Time
	Source, Topic string
	Start, End    time.Time     // Start and End of the window. Zero: the first and the last record.
	LeastStep     time.Duration // LeastStep is the shortest step that the rate may have.
	Partitions    int           // Partitions of the topic. 0: up to the highest with a record.
	Notes         []string
}

// Collector makes a profile of records. Its memory is bounded, some 60 MB, however many records and keys
// there are. One goroutine at a time may use it.
type Collector struct {
	rate       rateCounter
	sizes      sizeCounter
	keys       *keyCounter
	partitions []uint64

	read, bytes      uint64
	records, squares uint64 // weight of all records, and the sum of its squares
	keyless          uint64
	first, last      time.Time
}

// NewCollector returns a collector without records.
func NewCollector() *Collector { return &Collector{keys: newKeyCounter()} }

// MaxPartitions is the most partitions of a profile.
const MaxPartitions = 100_000

// Add adds a record. Records may come in any order. One with a partition outside of those that
// a topic can have is an error.
func (c *Collector) Add(r Record) error {
	if r.Partition < 0 || r.Partition >= MaxPartitions {
		return fmt.Errorf("partition %d: want 0 to %d", r.Partition, MaxPartitions-1)
	}
	weight := max(1, r.Weight)
	c.read, c.records, c.squares = c.read+1, c.records+weight, c.squares+weight*weight
	c.bytes += uint64(len(r.Key) + max(0, r.Size))
	if c.first.IsZero() || r.Time.Before(c.first) {
		c.first = r.Time
	}
	if r.Time.After(c.last) {
		c.last = r.Time
	}
	c.rate.addRecord(r.Time.UnixMilli(), weight)
	c.sizes.addSize(r.Size, weight)
	for len(c.partitions) <= r.Partition {
		c.partitions = append(c.partitions, 0)
	}
	c.partitions[r.Partition] += weight
	if r.Key == nil {
		c.keyless += weight
	} else {
		c.keys.addKey(r.Key, weight)
	}
	return nil
}

// ErrEmpty is returned for a window without records.
var ErrEmpty = errors.New("no record in the window")

// maxWindow is the longest window of a profile.
const maxWindow = 31 * 24 * time.Hour

// Profile is the profile of all records so far. It returns [ErrEmpty] if there are none.
func (c *Collector) Profile(about About) (*Profile, error) {
	if c.read == 0 {
		return nil, ErrEmpty
	}
	start, end := about.Start, about.End
	if start.IsZero() {
		start = c.first
	}
	if end.IsZero() {
		end = c.last.Add(time.Millisecond)
	}
	length := max(time.Millisecond, end.Sub(start))
	if length > maxWindow {
		return nil, fmt.Errorf("records from %s to %s: a profile takes at most %d days", start.UTC().Format(time.DateTime), end.UTC().Format(time.DateTime), maxWindow/(24*time.Hour))
	}
	effective := float64(c.records) * float64(c.records) / float64(c.squares) // Kish's effective sample size
	p := &Profile{
		Version: Version, Made: about.Made.UTC(), Source: about.Source, Topic: about.Topic, Start: start.UTC(), Length: length, Records: c.records,
		Reading: Reading{Records: c.read, Bytes: c.bytes, Skipped: c.records - c.read, Effective: effective},
		Rate:    c.rate.steps(start.UnixMilli(), length, about.LeastStep),
		Sizes:   c.sizes.distribution(c.records, effective),
		Keys:    c.keys.skew(c.records, effective),
		Notes:   about.Notes,
	}
	p.Keys.Keyless = c.keyless
	keyless := p.KeylessShare()
	p.Keys.KeylessError = z95 * math.Sqrt(keyless*(1-keyless)/effective)
	p.Partitions = spreadOf(c.partitions, max(about.Partitions, len(c.partitions)), c.records, effective)
	p.Notes = append(p.Notes, c.describeKeys(p)...)
	return p, nil
}

// describeKeys says what is unusual about the keys.
func (c *Collector) describeKeys(p *Profile) (notes []string) {
	if c.keyless == c.records {
		notes = append(notes, "no record has a key: a replay has keys none, and its producer chooses the partitions")
	} else if c.keyless > 0 {
		notes = append(notes, fmt.Sprintf("%.3g %% of the records have no key", 100*p.KeylessShare()))
	}
	if c.keys.depth > 0 {
		notes = append(notes, fmt.Sprintf("more than %d keys: their number and the ranks after the most frequent are estimates from one key in %d", c.keys.limit, 1<<c.keys.depth))
	}
	return notes
}

// spreadOf is how records are spread over a number of partitions.
func spreadOf(counts []uint64, partitions int, records uint64, effective float64) Partitions {
	s := Partitions{Records: make([]uint64, partitions), Errors: make([]float64, partitions)}
	copy(s.Records, counts)
	for i, n := range s.Records {
		share := float64(n) / float64(records)
		s.Errors[i] = z95 * math.Sqrt(share*(1-share)/effective)
		if over := share * float64(partitions); over > s.Imbalance {
			s.Imbalance, s.ImbalanceError = over, s.Errors[i]*float64(partitions)
		}
	}
	return s
}
