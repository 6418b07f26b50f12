package measure

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// randomLatencies are those of a run with a steady phase, a warm-up and two faults of one name.
func randomLatencies(r *rand.Rand) *Latencies {
	l := new(Latencies)
	for _, name := range []string{phaseWarmup, PhaseSteady, "kill pod", phaseRecovery, "kill pod"} {
		from := &Latencies{phases: []*phaseLatencies{{name: name}}}
		for range r.IntN(400) {
			d := time.Duration(r.ExpFloat64() * float64(time.Duration(1)<<r.IntN(43)))
			from.phases[0].histograms()[r.IntN(4)].recordValue(d)
		}
		l.Merge(from)
	}
	return l
}

// Packed latencies tell and merge as the same ones do that are not packed, and have no more
// buckets than values.
func TestPackedLatenciesAreTheSame(t *testing.T) {
	for seed := range uint64(20) {
		draw := func() *Latencies { return randomLatencies(rand.New(rand.NewPCG(seed, 1))) }
		plain, packed := draw(), draw()
		packed.pack()
		same := func(what string, a, b *Latencies) {
			for _, phase := range []string{PhaseAll, phaseWarmup, PhaseSteady, "kill pod", phaseRecovery} {
				if x, y := a.Set(phase), b.Set(phase); x != y {
					t.Errorf("seed %d, %s, %s: %+v and %+v", seed, what, phase, x, y)
				}
			}
			if x, y := a.Curves(), b.Curves(); !reflect.DeepEqual(x, y) {
				t.Errorf("seed %d, %s: other curves", seed, what)
			}
		}
		same("alone", plain, packed)
		for _, p := range packed.phases {
			for _, h := range p.histograms() {
				if h.counts != nil || len(h.packed) > int(h.n) {
					t.Errorf("seed %d: %s has counts, or %d buckets for %d values", seed, p.name, len(h.packed), h.n)
				}
			}
		}
		other := randomLatencies(rand.New(rand.NewPCG(seed, 2)))
		plain.Merge(other)
		packed.Merge(other)
		same("merged into", plain, packed)
	}
}
