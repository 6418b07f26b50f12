package fault

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// starveling is a pod whose CPU time grows with the clock.
type starveling struct {
	*actor
	uses    float64 // uses is how much CPU time it uses in a second.
	began   time.Time
	limited bool
	stands  bool // stands: it stands still while it is limited.
}

func (s *starveling) LimitCPU(float64) (lift func(), err error) {
	s.limited = true
	return func() { s.limited = false }, nil
}

func (s *starveling) CPUTime() (time.Duration, error) {
	if !s.Running() {
		return 0, errors.New("it does not run")
	}
	return time.Minute + time.Duration(s.uses*float64(time.Since(s.began))), nil
}

func (s *starveling) Stopped() bool { return s.limited && s.stands }

// The effect is proven by both: the pod stands still, and it uses no more than its share.
func TestStarvePodVerifiesItsEffect(t *testing.T) {
	for name, tt := range map[string]struct {
		uses   float64
		stands bool
		ends   bool
		want   string
	}{
		"a starved pod":            {uses: 0.04, stands: true},
		"a pod without work":       {want: "it stood still at 0 of "},
		"a pod on several threads": {uses: 0.5, stands: true, want: "of CPU time in "},
		"a pod that has ended":     {stands: true, ends: true, want: "it does not run"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				env, actors := stage()
				s := &starveling{actor: actors[0], uses: tt.uses, stands: tt.stands, began: time.Now()}
				env.Pods[0], env.Group = s, owners{"pod-1", "pod-1", "pod-1"}
				heal, err := StarvePod{}.Inject(t.Context(), env)
				if err != nil || !s.limited || env.Target.Pod != "pod-1" {
					t.Fatalf("error %v, limited %v, hit %+v", err, s.limited, env.Target)
				}
				s.mu.Lock()
				s.running = !tt.ends
				s.mu.Unlock()
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				switch err := (StarvePod{}).Verify(ctx, env); {
				case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
					t.Errorf("verify: %v, want %q", err, tt.want)
				}
				if err := heal(t.Context()); err != nil || s.limited {
					t.Errorf("heal: %v, limited %v", err, s.limited)
				}
			})
		})
	}
}

func TestStarvePodNeedsPodsThatAreProcesses(t *testing.T) {
	for _, f := range []harness.Requirer{StarvePod{}, LimitMemory{Limit: 1 << 20}} {
		if err := f.Requires(inMemory{}); err == nil || !strings.Contains(err.Error(), "goroutines") {
			t.Errorf("%T: %v", f, err)
		}
		if err := f.Requires(struct{ harness.Cluster }{}); err != nil {
			t.Errorf("%T: %v", f, err)
		}
	}
}

// inMemory is a cluster that only this process reaches.
type inMemory struct {
	harness.Cluster
	harness.Dialer
}
