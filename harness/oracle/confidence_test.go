package oracle

import (
	"math"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// TestPassProvesAsMuchAsItsTrials holds the confidence limit of a check that found nothing to the number of
// injections, or of records in a run without injections.
func TestPassProvesAsMuchAsItsTrials(t *testing.T) {
	for name, c := range map[string]struct {
		history string
		loss    float64 // loss is the limit of the check of that name.
		order   float64
	}{
		"two injections":  {"1s inject a fault=0\n2s heal a fault=0\n3s inject b fault=1", 1 - math.Sqrt(0.05), 1 - math.Sqrt(0.05)},
		"three records":   {"", 1 - math.Cbrt(0.05), 1 - math.Cbrt(0.05)},
		"one check fails": {"1s inject a fault=0\nfinal p0 4", 0, 0.95},
		"pods starved":    {"broken no pod starved: a was expelled", 1 - math.Cbrt(0.05), 0},
		"not as planned":  {"broken fault took effect: it was late\n1s inject a fault=0", 0, 0},
	} {
		h := newHistory()
		for _, line := range lines("log p0 1/0 2/0 - 3/0\nfinal p0 0\n" + c.history) {
			if err := h.line(line); err != nil {
				t.Fatal(err)
			}
		}
		verdicts, err := judge(h.facts, h.source())
		if err != nil {
			t.Fatal(err)
		}
		for check, want := range map[string]float64{CheckLoss: c.loss, CheckKeyInversion: c.order} {
			if got := atMostOf(verdicts, check); math.Abs(got-want) > 1e-9 {
				t.Errorf("%s: %s has a limit of %v, want %v", name, check, got, want)
			}
		}
	}
}

func atMostOf(verdicts []harness.Verdict, check string) float64 {
	for _, v := range verdicts {
		if v.Check == check {
			return v.AtMost
		}
	}
	return -1
}
