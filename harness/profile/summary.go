package profile

import (
	"fmt"
	"strings"
	"time"
)

// Summary is the profile in some lines, with errors.
func (p *Profile) Summary() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	name := p.Topic
	if name == "" {
		name = p.Source
	}
	line("%s: %d records in %v from %s", name, p.Records, p.Length.Round(time.Millisecond), p.Start.Format(time.DateTime))
	peak, at := p.peak()
	line("rate: %.4g/s ± %.2g, at most %.4g/s (at %v), in steps of %v", p.Rate.Mean, p.Rate.MeanError, peak, at, p.Rate.Step)
	line("values: %.4g bytes ± %.2g on average; %s", p.Sizes.Mean, p.Sizes.MeanError, p.describeQuantiles())
	if p.Keys.Keyless < p.Records {
		line("keys: %s", p.describeSkew())
	}
	line("partitions: %d, the fullest with %.3g ± %.2g times the mean", len(p.Partitions.Records), p.Partitions.Imbalance, p.Partitions.ImbalanceError)
	if p.Reading.Skipped > 0 {
		line("skipped: %d of the records, for which the others stand", p.Reading.Skipped)
	}
	for _, n := range p.Notes {
		line("note: %s", n)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// peak is the highest rate of a step, and when that begins.
func (p *Profile) peak() (rate float64, at time.Duration) {
	for i, s := range p.Rate.Steps {
		if r := float64(s.Records) / p.StepLength(i).Seconds(); r > rate {
			rate, at = r, time.Duration(i)*p.Rate.Step
		}
	}
	return rate, at
}

func (p *Profile) describeQuantiles() string {
	var words []string
	for _, q := range p.Sizes.Quantiles {
		if q.Q == 0.5 || q.Q == 0.99 {
			words = append(words, fmt.Sprintf("p%g %d (%d to %d)", 100*q.Q, q.Bytes, q.Low, q.High))
		}
	}
	return strings.Join(words, ", ")
}

func (p *Profile) describeSkew() string {
	if len(p.Keys.Top) == 0 {
		return fmt.Sprintf("%d ± %.2g, and the most frequent are not known", p.Keys.Distinct.Records, p.Keys.Distinct.Error)
	}
	top := 0.0
	for _, r := range p.Keys.Top {
		top += r.Share
	}
	first := p.Keys.Top[0]
	return fmt.Sprintf("%d ± %.2g, the most frequent with %.3g ± %.2g %%, the first %d with %.3g %%",
		p.Keys.Distinct.Records, p.Keys.Distinct.Error, 100*first.Share, 100*first.Error, len(p.Keys.Top), 100*top)
}
