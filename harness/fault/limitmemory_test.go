package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// eater is a pod whose memory is set.
type eater struct {
	*actor
	uses    int64
	refuses error // refuses is what its death fails with.
	reasons []string
}

func (e *eater) ResidentMemory() (int64, error) {
	if !e.Running() {
		return 0, errors.New("it does not run")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.uses, nil
}

func (e *eater) KillFor(ctx context.Context, reason string) error {
	if e.refuses != nil {
		return e.refuses
	}
	e.reasons = append(e.reasons, reason)
	return e.Kill(ctx)
}

func (e *eater) eat(bytes int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.uses = bytes
}

// limitEater injects a limit of 64 MiB into a pod that uses 40.
func limitEater(t *testing.T) (e *eater, env *harness.Env, heal func(context.Context) error) {
	t.Helper()
	env, actors := stage()
	e = &eater{actor: actors[0], uses: 40 << 20}
	env.Pods[0], env.Group = e, owners{"pod-1", "pod-1", "pod-1"}
	heal, err := LimitMemory{Limit: 64 << 20, Away: 2 * time.Second}.Inject(t.Context(), env)
	if err != nil || heal == nil || env.Target.Pod != "pod-1" {
		t.Fatalf("error %v, hit %+v", err, env.Target)
	}
	return e, env, heal
}

func TestLimitMemoryKillsAPodEachTimeItUsesMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, env, heal := limitEater(t)
		time.Sleep(time.Second)
		synctest.Wait()
		if err := (LimitMemory{}).Verify(t.Context(), env); err != nil || len(e.did) > 0 {
			t.Errorf("below its limit: %v, it did %v", err, e.did)
		}
		e.eat(65 << 20)
		time.Sleep(6*time.Second + 100*time.Millisecond)
		synctest.Wait()
		want := []string{"kill", "start", "kill", "start", "kill", "start", "kill"}
		if !slices.Equal(e.did, want) {
			t.Errorf("did %v, want %v", e.did, want)
		}
		if err := (LimitMemory{}).Verify(t.Context(), env); err != nil {
			t.Error(err)
		}
		if !strings.Contains(fmt.Sprint(e.reasons), "used 65 MiB of memory, more than its limit of 64 MiB") {
			t.Errorf("reasons %q", e.reasons)
		}
		if err := heal(t.Context()); err != nil || !e.Running() {
			t.Errorf("heal: %v, the pod runs: %v", err, e.Running())
		}
		time.Sleep(time.Hour)
		if !e.Running() {
			t.Error("it was killed after the heal")
		}
	})
}

// A limit that does not kill has taken no effect, and the heal says why.
func TestLimitMemoryVerifiesItsEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, env, heal := limitEater(t)
		e.refuses = errors.New("no such process")
		e.eat(65 << 20)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := (LimitMemory{}).Verify(ctx, env); err == nil || !strings.Contains(err.Error(), "pod-1 uses 65 MiB and runs") {
			t.Errorf("verify: %v", err)
		}
		if err := heal(t.Context()); !errors.Is(err, e.refuses) {
			t.Errorf("heal: %v", err)
		}
	})
}

// A pod that was killed during the end of a run is started by the heal.
func TestInterruptedLimitMemoryBringsThePodBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env, actors := stage()
		e := &eater{actor: actors[0], uses: 40 << 20}
		env.Pods[0], env.Group = e, owners{"pod-1", "pod-1", "pod-1"}
		ctx, cancel := context.WithCancel(t.Context())
		heal, err := LimitMemory{Limit: 1 << 20}.Inject(ctx, env)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(memoryReadings)
		synctest.Wait()
		cancel()
		if e.Running() {
			t.Error("it was not killed")
		}
		if err := heal(t.Context()); err != nil || !e.Running() {
			t.Errorf("heal: %v, the pod runs: %v", err, e.Running())
		}
	})
}
