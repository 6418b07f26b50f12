package capacity

import (
	"cmp"
	"slices"
)

// ConditionalThroughput is the rate to report for a load that holds the goal (RFC 9971,
// appendix B). Its full-length trials are summed up, best first. The rate is the completed
// one of the trial at which the share 1-Exceed of their time is reached. With an exceed ratio
// of 0 that is the worst trial, with 0.5 a median. Time that is missing to the goal's sum
// counts as worst. It is 0 if too little was measured, and never the offered rate.
func ConditionalThroughput(g Goal, trials []Trial) float64 {
	var full []Trial
	whole := 0.0
	for _, t := range trials {
		if v := t.Verdicts[g.Name]; t.Duration >= g.Full && (v == Held || v == Broken) {
			full = append(full, t)
			whole += float64(t.Duration)
		}
	}
	slices.SortStableFunc(full, func(a, b Trial) int { return cmp.Compare(b.Completed, a.Completed) })
	remaining := max(whole, float64(g.Sum)) * (1 - g.Exceed)
	for _, t := range full {
		if remaining -= float64(t.Duration); remaining <= 0 {
			return t.Completed
		}
	}
	return 0
}
