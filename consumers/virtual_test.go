//go:build synctests

package consumers_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kfake"
)

// TestConformanceInVirtualTime is TestConformance on brokers in memory and in no
// time. Kgo needs the build tag synctests in a bubble:
//
//	go test -tags synctests -run Virtual ./consumers
func TestConformanceInVirtualTime(t *testing.T) {
	for _, promise := range promises {
		for _, i := range harness.Implementations() {
			if !promise.fits(i) {
				continue
			}
			for _, p := range harness.Protocols {
				t.Run(promise.name+"/"+i.Name+"@"+string(p), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { promise.test(newVirtualWorld(t), i, p) })
				})
			}
		}
	}
}

func newVirtualWorld(t *testing.T) *world {
	network := new(kfake.VirtualNetwork)
	w := newWorldOn(t, network.DialContext, kfake.Ports(9092, 9093, 9094), kfake.ListenFn(network.Listen))
	t.Cleanup(func() {
		w.producer.Close()
		w.cluster.Close()
		time.Sleep(time.Second) // connections find out
	})
	return w
}

// TestSoakInVirtualTime kills, stops and starts pods at random while records
// come, in virtual time. STAMPEDE_SEEDS is the number of seeds for each consumer and
// protocol. Without it each consumer has one seed under one protocol, and the next consumer
// the next protocol: the tests of soak have the checks judge three more.
func TestSoakInVirtualTime(t *testing.T) {
	seeds := 0
	if s := os.Getenv("STAMPEDE_SEEDS"); s != "" {
		var err error
		if seeds, err = strconv.Atoi(s); err != nil {
			t.Fatalf("STAMPEDE_SEEDS: %q is not a number", s)
		}
	}
	consumers := slices.DeleteFunc(harness.Implementations(), func(i *harness.Implementation) bool { return !honest(i) })
	for n, i := range consumers {
		for of, p := range harness.Protocols {
			sample := 0
			if of == n%len(harness.Protocols) {
				sample = 1
			}
			for seed := range cmp.Or(seeds, sample) {
				t.Run(fmt.Sprintf("%s@%s/%d", i.Name, p, seed+1), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { soak(t, i, p, uint64(seed+1)) })
				})
			}
		}
	}
}

func soak(t *testing.T, i *harness.Implementation, p harness.Protocol, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	w := newVirtualWorld(t)
	w.effects.before = slow(20 * time.Millisecond)
	end := w.stream()
	var pods []*pod
	var cables []*cable
	for n := range 12 {
		name := fmt.Sprintf("pod-%d", n)
		cfg := w.config(name, p)
		wire := &cable{via: w.dial}
		cfg.Dialer = wire.dial
		pods, cables = append(pods, w.start(i, cfg)), append(cables, wire)
		time.Sleep(time.Duration(random.IntN(6000)) * time.Millisecond)
		for len(pods) > 1+random.IntN(3) {
			k := random.IntN(len(pods))
			kill := random.IntN(2) == 0
			dies := kill || p == harness.Static // a static member says no goodbye
			if dies {
				w.members(len(pods))
			}
			if kill {
				cables[k].set(w.cluster.ListenAddrs()...) // as dead as can be in one process
				w.effects.kill(pods[k].name)
			}
			pods[k].leave()
			pods, cables = append(pods[:k:k], pods[k+1:]...), append(cables[:k:k], cables[k+1:]...)
			if dies {
				w.members(len(pods))
			}
		}
	}
	end()
	w.delivered()
	for _, pod := range pods {
		pod.leave()
	}
	w.committed()
	w.asClaimed(i)
	t.Logf("%d records, %d repeated", w.sent, w.effects.repeated)
	w.noGoroutines()
}

// kill lets no work of a pod have an effect any more.
func (e *effects) kill(pod string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.before
	e.before = func(ctx context.Context, by string, r *harness.Record) error {
		if by == pod {
			return context.Canceled
		}
		return before(ctx, by, r)
	}
}
