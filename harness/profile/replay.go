package profile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// Replay is a profile as the load of a scenario.
type Replay struct {
	Profile *Profile
	Factor  float64 // Factor multiplies the rate.

	place sync.Once
	keys  *placement // keys as placed on the partitions of the profile
}

// Limits of a replay.
const (
	minFactor = 0.001
	maxFactor = 1000
	maxRate   = 1_000_000 // records per second: more than the fastest producer sends
	maxValue  = 999_000   // bytes of a value that a broker accepts
)

var factorSuffix = regexp.MustCompile(`^(.+)@x([^@/]*)$`)

// ParseReplay reads a replay as the command line writes it: the path of a profile, and optionally a
// factor, as profile.json@x2.
func ParseReplay(text string) (*Replay, error) {
	path, factor := text, 1.0
	if m := factorSuffix.FindStringSubmatch(text); m != nil {
		var err error
		path = m[1]
		factor, err = strconv.ParseFloat(m[2], 64)
		if err != nil || !(factor >= minFactor && factor <= maxFactor) {
			return nil, fmt.Errorf("factor %q of profile %s: want a number from %v to %v, as in profile.json@x2", m[2], path, minFactor, maxFactor)
		}
	}
	p, err := Open(path)
	if err != nil {
		return nil, err
	}
	return NewReplay(p, factor)
}

// NewReplay returns a replay at a factor, and an error if no producer can send its rate.
func NewReplay(p *Profile, factor float64) (*Replay, error) {
	r := &Replay{Profile: p, Factor: factor}
	for i, s := range p.Rate.Steps {
		if rate := factor * float64(s.Records) / p.StepLength(i).Seconds(); rate > maxRate {
			return nil, fmt.Errorf("factor %v makes %.0f records/s at %v: at most %d", factor, rate, time.Duration(i)*p.Rate.Step, maxRate)
		}
	}
	return r, nil
}

// Apply gives a scenario the load of the profile: rate, sizes, keys, and the number of partitions unless
// partitions overrides it.
func (r *Replay) Apply(s *harness.Scenario, partitions int) (err error) {
	p := r.Profile
	if s.Load.Pacer, err = r.pacer(); err != nil {
		return fmt.Errorf("rate of the profile: %w", err)
	}
	sizes, raised, cut, err := sizesOf(p)
	if err != nil {
		return fmt.Errorf("sizes of the profile: %w", err)
	}
	s.Load.Sizes = sizes
	if s.Partitions = len(p.Partitions.Records); partitions > 0 {
		s.Partitions = partitions
	}
	words := append([]string{r.describe()}, describeClamps(raised, cut)...)
	said, err := r.applyKeys(s)
	if err != nil {
		return fmt.Errorf("keys of the profile: %w", err)
	}
	s.Load.Profile = strings.Join(append(words, said), "; ")
	return nil
}

// describe names the profile and the factor.
func (r *Replay) describe() string {
	name := r.Profile.Topic
	if name == "" {
		name = r.Profile.Source + " output"
	}
	return fmt.Sprintf("%s, %v from %s, rate x%v", name, r.Profile.Length.Round(time.Second/10), r.Profile.Start.Format(time.DateTime), r.Factor)
}

// pacer sends at the rate of the profile, multiplied.
func (r *Replay) pacer() (harness.Pacer, error) {
	var steps []load.CurveStep
	for i, s := range r.Profile.Rate.Steps {
		length := r.Profile.StepLength(i)
		steps = append(steps, load.CurveStep{For: length, Rate: r.Factor * float64(s.Records) / length.Seconds()})
	}
	return load.NewCurve(steps)
}

// sizesOf are the lengths of values of a profile, and which share of them had to be raised to hold the
// identity, or cut to what a broker accepts.
func sizesOf(p *Profile) (sizes *load.CountedSizes, raised, cut float64, err error) {
	var runs []load.SizeRun
	all := 0.0
	for _, b := range p.Sizes.Buckets {
		n := float64(b.Records)
		all += n
		if b.Bytes < ledger.IdentitySize {
			raised += n
		} else if b.Bytes > maxValue {
			cut += n
		}
		size := min(max(b.Bytes, ledger.IdentitySize), maxValue)
		if last := len(runs) - 1; last >= 0 && runs[last].Bytes == size {
			runs[last].Records += b.Records
			continue
		}
		runs = append(runs, load.SizeRun{Bytes: size, Records: b.Records})
	}
	text := "no bytes"
	if len(runs) > 0 {
		clamp := func(q float64) int { return min(max(p.Sizes.quantile(q, all), ledger.IdentitySize), maxValue) }
		text = fmt.Sprintf("%d to %d bytes, p50 %d, p99 %d", runs[0].Bytes, runs[len(runs)-1].Bytes, clamp(0.5), clamp(0.99))
	}
	sizes, err = load.NewCountedSizes(runs, text)
	return sizes, raised / all, cut / all, err
}

func describeClamps(raised, cut float64) (words []string) {
	if raised > 0 {
		words = append(words, fmt.Sprintf("%.2g %% of the values were shorter than the identity and have its %d bytes", 100*raised, ledger.IdentitySize))
	}
	if cut > 0 {
		words = append(words, fmt.Sprintf("%.2g %% of the values were cut to %d bytes", 100*cut, maxValue))
	}
	return words
}

// applyKeys sets the keys of a scenario with a number of partitions. It says how they differ from
// those of the profile.
func (r *Replay) applyKeys(s *harness.Scenario) (said string, err error) {
	p := r.Profile
	if p.KeylessShare() >= 1 {
		s.Load.Keys = load.NoKeys{}
		return "no record has a key, so the producer chooses the partitions", nil
	}
	runs, said := keyRuns(p)
	var index []uint32
	if s.Partitions == len(p.Partitions.Records) {
		r.place.Do(func() { r.keys = placeKeys(runs, p) })
		index, said = r.keys.index, said+r.keys.describe(p)
	} else {
		said += fmt.Sprintf("%d partitions in place of %d, with keys by hash", s.Partitions, len(p.Partitions.Records))
	}
	keys, err := load.NewCountedKeys(runs, index, describeRanks(p, countKeys(runs)))
	s.Load.Keys = keys
	return said, err
}

// describeRanks says how skewed the keys are.
func describeRanks(p *Profile, keys int) string {
	if len(p.Keys.Top) == 0 {
		return fmt.Sprintf("profile: %d keys", keys)
	}
	top := 0.0
	for _, r := range p.Keys.Top {
		top += r.Share
	}
	return fmt.Sprintf("profile: %d keys, the most frequent with %.3g %%, the first %d with %.3g %%", keys, 100*p.Keys.Top[0].Share, len(p.Keys.Top), 100*top)
}

func countKeys(runs []load.KeyRun) (n int) {
	for _, r := range runs {
		n += r.Keys
	}
	return n
}

const (
	// keylessKeys is the most keys that stand for the records without a key, where others have one.
	keylessKeys = 10_000
	// maxKeys is the most keys of a replay: each takes some bytes of the producer and of the judge.
	maxKeys = 1 << 24
)

// keyRuns are the keys of a profile, the most frequent first, and what is said of them.
func keyRuns(p *Profile) (runs []load.KeyRun, said string) {
	left := uint64(maxKeys)
	add := func(keys, records uint64) {
		if keys = min(keys, left); keys > 0 && records > 0 {
			runs = append(runs, load.KeyRun{Keys: int(keys), Records: records})
		} else if records > 0 && len(runs) > 0 {
			runs[len(runs)-1].Records += records
		}
		left -= keys
	}
	for _, r := range p.Keys.Top {
		add(1, r.Records)
	}
	for _, s := range p.Keys.Tail {
		add(s.To-s.From+1, s.Records)
	}
	if left == 0 {
		said = fmt.Sprintf("only %d keys; ", maxKeys)
	}
	if n := p.Keys.Keyless; n > 0 {
		said += fmt.Sprintf("%.3g %% of the records had no key and have one of %d others; ", 100*p.KeylessShare(), min(n, keylessKeys))
		add(min(n, keylessKeys), n)
	}
	return runs, said
}
