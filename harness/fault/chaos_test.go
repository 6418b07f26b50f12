package fault

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

var stormy = Chaos{From: 3 * time.Second, To: 60 * time.Second, Session: 6 * time.Second, Pods: 4, Spare: 2, Brokers: true}

// missing counts how many of a kind are missing at a time.
func missing(schedule []harness.Injection, at time.Duration, kind ...string) (n int) {
	for _, i := range schedule {
		for _, k := range kind {
			if i.Fault.Name() == k && i.At <= at && at < i.At+i.HealAfter+settleTime {
				n++
			}
		}
	}
	return n
}

func TestChaosHealsEverythingInTime(t *testing.T) {
	seen, past := map[string]int{}, 0
	const seeds = 500
	for seed := range uint64(seeds) {
		schedule := stormy.Injections(seed)
		for k, i := range schedule {
			seen[i.Fault.Name()]++
			if i.Fault == (PausePod{}) && i.HealAfter > stormy.Session {
				past++
			}
			heals, ok := i.HealsAfter(stormy.Session)
			if !ok || i.At < stormy.From || i.At+heals > stormy.To {
				t.Fatalf("seed %d: %s at %v, healed %v later", seed, i.Fault.Name(), i.At, heals)
			}
			if k > 0 && i.At < schedule[k-1].At+minGap {
				t.Fatalf("seed %d: %v after %v", seed, i.At, schedule[k-1].At)
			}
			if n := missing(schedule, i.At, "kill pod", "pause pod", "pod leaves"); n > 3 {
				t.Fatalf("seed %d: of 4 pods %d are away at %v", seed, n, i.At)
			}
			if n := missing(schedule, i.At, "kill broker"); n > 1 {
				t.Fatalf("seed %d: %d brokers are down at %v", seed, n, i.At)
			}
			if n := missing(schedule, i.At, "pod joins"); n > 2 {
				t.Fatalf("seed %d: of 2 spare pods %d have joined at %v", seed, n, i.At)
			}
		}
	}
	for _, name := range []string{"kill broker", "kill pod", "pause pod", "pod leaves", "pod joins"} {
		if seen[name] < seeds {
			t.Errorf("%d times %q in %d schedules", seen[name], name, seeds)
		}
	}
	if past < seeds {
		t.Errorf("%d pauses past the session in %d schedules", past, seeds)
	}
}

func TestChaosDependsOnItsSeedOnly(t *testing.T) {
	same := 0
	for seed := range uint64(50) {
		if !reflect.DeepEqual(stormy.Injections(seed), stormy.Injections(seed)) {
			t.Fatalf("seed %d gives two schedules", seed)
		}
		if reflect.DeepEqual(stormy.Injections(seed), stormy.Injections(seed+1)) {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d of 50 seeds give the schedule of their neighbour", same)
	}
}

func TestChaosStaysWithinItsCounts(t *testing.T) {
	if all := (Chaos{}).Injections(1); len(all) > 0 {
		t.Errorf("the zero value strikes: %v", all)
	}
	c := stormy
	c.Pods, c.Spare, c.Brokers = 1, 0, false
	if all := c.Injections(1); len(all) > 0 {
		t.Errorf("of one pod and nothing else something is struck: %v", all)
	}
}

func TestChaosChoosesFromTheFaultsGiven(t *testing.T) {
	c := stormy
	c.Faults = append(All(), Known{Fault: KillBroker{}, Consumer: "txn", Lasts: between(time.Second, 1)})
	seen := map[string]bool{}
	for seed := range uint64(300) {
		network := time.Duration(0)
		for _, i := range c.Injections(seed) {
			seen[i.Fault.Name()] = true
			k := All()[slices.IndexFunc(All(), func(k Known) bool { return k.Fault.Name() == i.Fault.Name() })]
			least, most := k.Lasts(c.Session)
			if i.HealAfter < least-time.Millisecond || i.HealAfter > most+time.Millisecond || i.At+i.HealAfter > c.To {
				t.Fatalf("seed %d: %s lasts %v from %v on, want %v to %v", seed, i.Fault.Name(), i.HealAfter, i.At, least, most)
			}
			if k.Removes == ANetwork || k.Removes == ABroker {
				if i.At < network {
					t.Fatalf("seed %d: %s at %v, before the fault before it has ended", seed, i.Fault.Name(), i.At)
				}
				network = i.At + i.HealAfter
			}
		}
	}
	for _, k := range All() {
		if may := k.Lasts != nil && k.Consumer == ""; may != seen[k.Fault.Name()] {
			t.Errorf("%s is in a schedule: %v, want %v", k.Fault.Name(), !may, may)
		}
	}
}

func TestChaosHealsNoBrokerBeforeAnElection(t *testing.T) {
	c := stormy
	c.Faults, c.Election = All(), 8*time.Second
	removes := map[string]Resource{}
	for _, k := range All() {
		removes[k.Fault.Name()] = k.Removes
	}
	brokers := 0
	for seed := range uint64(100) {
		for _, i := range c.Injections(seed) {
			if removes[i.Fault.Name()] != ABroker {
				continue
			}
			if brokers++; i.HealAfter < c.Election {
				t.Fatalf("seed %d: %s is healed after %v", seed, i.Fault.Name(), i.HealAfter)
			}
		}
	}
	if brokers == 0 {
		t.Error("no fault of a broker in 100 schedules")
	}
}
