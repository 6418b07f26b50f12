package profile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"
)

// Save writes a profile to a file. A file that was there is replaced as a whole.
func (p *Profile) Save(path string) error {
	raw, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return fmt.Errorf("save a profile: %w", err)
	}
	next := path + ".tmp"
	if err := os.WriteFile(next, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("save a profile: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("save a profile: %w", errors.Join(err, os.Remove(next)))
	}
	return nil
}

// Open reads a profile from a file, and checks it.
func Open(path string) (*Profile, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read a profile: %w", err)
	}
	p, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", path, err)
	}
	return p, nil
}

// Parse reads a profile, and checks that its parts fit together.
func Parse(raw []byte) (*Profile, error) {
	var head struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, explainJSON(raw, err)
	}
	switch {
	case head.Version == nil:
		return nil, errors.New("it has no version: this is no profile; make profile makes one")
	case *head.Version != Version:
		return nil, fmt.Errorf("it has version %d, and this program reads version %d: make it again", *head.Version, Version)
	}
	p := &Profile{}
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, err
	}
	return p, p.validate()
}

// explainJSON says whether a file was cut short.
func explainJSON(raw []byte, err error) error {
	if _, end := json.NewDecoder(bytes.NewReader(raw)).Token(); errors.Is(end, io.EOF) {
		return errors.New("it is empty")
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && syntax.Offset >= int64(len(raw)) {
		return fmt.Errorf("it was cut short after %d bytes: copy it again", len(raw))
	}
	return fmt.Errorf("it is no profile: %w", err)
}

// Limits of what a replay can use.
const (
	maxRecords = 1 << 40
	maxSize    = 1 << 31
)

// validate returns an error if the parts of a profile contradict each other.
func (p *Profile) validate() error {
	switch {
	case p.Records == 0 || p.Records > maxRecords:
		return fmt.Errorf("%d records: want 1 to %d", p.Records, uint64(maxRecords))
	case p.Length <= 0 || p.Length > maxWindow:
		return fmt.Errorf("a window of %v: want more than 0, and at most %d days", p.Length, maxWindow/(24*time.Hour))
	case len(p.Partitions.Records) == 0 || len(p.Partitions.Records) > MaxPartitions:
		return fmt.Errorf("%d partitions: want 1 to %d", len(p.Partitions.Records), MaxPartitions)
	case len(p.Partitions.Errors) != len(p.Partitions.Records):
		return fmt.Errorf("%d errors of %d partitions", len(p.Partitions.Errors), len(p.Partitions.Records))
	}
	return errors.Join(p.validateRate(), p.validateSizes(), p.validateKeys(), checkSum("partitions", p.Records, p.Partitions.Records...))
}

func (p *Profile) validateRate() error {
	n := len(p.Rate.Steps)
	if n == 0 || p.Rate.Step <= 0 || n > int(2*maxSteps) {
		return fmt.Errorf("rate: %d steps of %v: want 1 to %d, longer than 0", n, p.Rate.Step, 2*maxSteps)
	}
	if last := p.StepLength(n - 1); last <= 0 || n > 1 && p.Rate.Step > p.Length {
		return fmt.Errorf("rate: %d steps of %v in a window of %v", n, p.Rate.Step, p.Length)
	}
	counts := make([]uint64, n)
	for i, s := range p.Rate.Steps {
		counts[i] = s.Records
	}
	return checkSum("rate", p.Records, counts...)
}

func (p *Profile) validateSizes() error {
	counts := make([]uint64, 0, len(p.Sizes.Buckets))
	for i, b := range p.Sizes.Buckets {
		if b.Bytes < 0 || b.Bytes > maxSize || b.Records == 0 || i > 0 && b.Bytes <= p.Sizes.Buckets[i-1].Bytes {
			return fmt.Errorf("sizes: bucket %d has %d records of %d bytes: want lengths that rise, each with records", i, b.Records, b.Bytes)
		}
		counts = append(counts, b.Records)
	}
	return checkSum("sizes", p.Records, counts...)
}

func (p *Profile) validateKeys() error {
	counts, next := []uint64{p.Keys.Keyless}, uint64(len(p.Keys.Top))+1
	for i, r := range p.Keys.Top {
		if r.Records == 0 {
			return fmt.Errorf("keys: rank %d has no records", i+1)
		}
		counts = append(counts, r.Records)
	}
	for i, s := range p.Keys.Tail {
		if s.From != next || s.To < s.From || s.To > maxRecords {
			return fmt.Errorf("keys: segment %d has ranks %d to %d: want them to follow rank %d", i, s.From, s.To, next-1)
		}
		counts, next = append(counts, s.Records), s.To+1
	}
	return checkSum("keys", p.Records, counts...)
}

// checkSum returns an error if counts do not sum up to the records, up to what rounding did.
func checkSum(what string, records uint64, counts ...uint64) error {
	sum := 0.0
	for _, n := range counts {
		sum += float64(n)
	}
	if slack := 0.001*float64(records) + float64(len(counts)); math.Abs(sum-float64(records)) > slack {
		return fmt.Errorf("%s: %.0f records in all, and the profile has %d", what, sum, records)
	}
	return nil
}
