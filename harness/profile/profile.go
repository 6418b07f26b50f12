package profile

import "time"

// Version is the version of the format of a profile. A reader refuses any other.
const Version = 1

// Profile is the load of a topic in a window of time. The package comment says what its
// errors mean.
type Profile struct {
	Version int       `json:"version"`
	Made    time.Time `json:"made"`
	Source  string    `json:"source"`          // Source is "topic", "kcat" or "console-consumer".
	Topic   string    `json:"topic,omitempty"` // Topic is its name, "" of a file.

	Start  time.Time     `json:"start"` // Start of the window.
	Length time.Duration `json:"length_ns"`

	Records    uint64     `json:"records"` // Records in the window, with those that were skipped.
	Reading    Reading    `json:"reading"`
	Rate       Rate       `json:"rate"`
	Sizes      Sizes      `json:"sizes"`
	Keys       Keys       `json:"keys"`
	Partitions Partitions `json:"partitions"`
	Notes      []string   `json:"notes,omitempty"` // Notes say what a reader of the profile should know.
}

// Reading says how much of the window was read.
type Reading struct {
	Records uint64 `json:"records"` // Records read.
	Bytes   uint64 `json:"bytes"`   // Bytes of their keys and values.
	Skipped uint64 `json:"skipped"` // Skipped records, for which those read stand.
	// Effective is how many records, all of the same weight, would tell as much as those read.
	Effective float64 `json:"effective"`
}

// Rate is the number of records over time.
type Rate struct {
	Step      time.Duration `json:"step_ns"`
	Steps     []Count       `json:"steps"`      // Steps follow each other from the start. The last takes what is left of the window, half a step to one and a half.
	Mean      float64       `json:"mean"`       // Mean in records per second.
	MeanError float64       `json:"mean_error"` // MeanError is the error of Mean.
}

// Count is a number of records and its error.
type Count struct {
	Records uint64  `json:"records"`
	Error   float64 `json:"error"`
}

// Sizes is the distribution of the lengths of values in bytes. A tombstone has length 0.
type Sizes struct {
	Mean       float64    `json:"mean"`
	MeanError  float64    `json:"mean_error"`
	Quantiles  []Quantile `json:"quantiles"`
	Buckets    []Bucket   `json:"buckets"`    // Buckets rise in size.
	Error      float64    `json:"error"`      // Error of the share of values up to any size (Dvoretzky-Kiefer-Wolfowitz).
	Resolution float64    `json:"resolution"` // Resolution is the width of a bucket as a share of its size.
	Tombstones uint64     `json:"tombstones,omitempty"`
}

// Quantile is a length that a share Q of the values does not exceed.
type Quantile struct {
	Q     float64 `json:"q"`
	Bytes int     `json:"bytes"`
	Low   int     `json:"low"` // Low and High are the interval, by order statistics.
	High  int     `json:"high"`
}

// Bucket is a number of values of nearly one length: Bytes is their mean.
type Bucket struct {
	Bytes   int    `json:"bytes"`
	Records uint64 `json:"records"`
}

// Keys is the skew of the keys. Shares are of all records, also of those without a key.
type Keys struct {
	Keyless      uint64    `json:"keyless"`       // Keyless is the number of records without a key.
	KeylessError float64   `json:"keyless_error"` // KeylessError is the error of their share.
	Distinct     Count     `json:"distinct"`      // Distinct is the number of keys in the window, in its field Records. Error is that of counting alone.
	Top          []Rank    `json:"top"`           // Top has up to 100 ranks, the most frequent key first.
	Tail         []Segment `json:"tail,omitempty"`
}

// Rank is the share of the key that is the n-th most frequent.
type Rank struct {
	Records uint64  `json:"records"`
	Share   float64 `json:"share"`
	Error   float64 `json:"error"` // Error of the share.
}

// Segment is a range of ranks with the number of records of all its keys.
type Segment struct {
	From    uint64  `json:"from"` // From and To are ranks, counted from 1, both included.
	To      uint64  `json:"to"`
	Records uint64  `json:"records"`
	Share   float64 `json:"share"`
	Error   float64 `json:"error"` // Error of the share.
}

// Partitions says how the records are spread over the partitions.
type Partitions struct {
	Records []uint64  `json:"records"` // Records of each partition.
	Errors  []float64 `json:"errors"`  // Errors of their shares.
	// Imbalance is the fullest partition over the mean, and ImbalanceError its error.
	Imbalance      float64 `json:"imbalance"`
	ImbalanceError float64 `json:"imbalance_error"`
}

// Share is the share of the records that a partition has.
func (p *Partitions) Share(partition int) float64 {
	sum := uint64(0)
	for _, n := range p.Records {
		sum += n
	}
	return float64(p.Records[partition]) / float64(max(1, sum))
}

// StepLength is the length of a step of the rate: the last one may be shorter or longer.
func (p *Profile) StepLength(step int) time.Duration {
	if step < len(p.Rate.Steps)-1 {
		return p.Rate.Step
	}
	return p.Length - time.Duration(step)*p.Rate.Step
}

// KeylessShare is the share of the records without a key.
func (p *Profile) KeylessShare() float64 { return float64(p.Keys.Keyless) / float64(max(1, p.Records)) }
