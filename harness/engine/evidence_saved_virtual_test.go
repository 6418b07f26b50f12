//go:build synctests

package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// The manifest has what no journal shows: that a pod ended by itself, that an objective was
// missed, that a control has to fail.
func TestSavedLedgerHasTheStatusOfItsRun(t *testing.T) {
	for name, tt := range map[string]struct {
		consumer string
		change   func(*harness.Scenario)
		status   harness.Status
		expected bool
		reason   string
	}{
		"a pass":                 {status: harness.Pass, expected: true},
		"a pod that ends itself": {consumer: "test-mortal", status: harness.Fail, reason: oracle.CheckPodLiveness + ": "},
		"a control": {
			consumer: "naive", change: func(s *harness.Scenario) { s.Service = load.Fixed(100 * time.Millisecond) }, // so that commits find work
			status: harness.Fail, expected: true, reason: oracle.CheckPrematureCommit + ": ",
		},
		"nothing claimed": {
			consumer: "test-unclaimed", change: func(s *harness.Scenario) { s.Service = load.Fixed(100 * time.Millisecond) },
			status: harness.Pass, expected: true,
		},
		"a control that passes": {
			consumer: "test-good", change: func(s *harness.Scenario) { s.Name = "test-good" },
			status: harness.Fail, reason: "control: " + oracle.CheckLoss + " had to fail in this scenario and did not",
		},
		oracle.CheckOverload: {
			change: func(s *harness.Scenario) { s.Service = load.Fixed(20 * time.Second); s.Workers = 1 },
			status: harness.Overload, reason: "",
		},
		"an objective": {
			change: func(s *harness.Scenario) { s.Objectives = "p99<1us" },
			status: harness.Fail, reason: "objective p99<1µs: ",
		},
		"an undecided objective": {
			change: func(s *harness.Scenario) { s.Objectives, s.Commit = "p99<1m, trend<1%", 10*time.Second },
			status: harness.Inconclusive, reason: "objective trend<1%: undecided: ",
		},
		"a broken assumption": {
			change: func(s *harness.Scenario) { s.Load.Pacer = stuck{s.Load.Pacer.(load.Constant)} },
			status: harness.Inconclusive, reason: oracle.LoadDelivered + ": ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := calmPlan(t, tt.consumer, tt.change)
			p.KeepIn, p.KeepAll = filepath.Join(t.TempDir(), "kept"), true
			r := inBubble(t, p, nil)
			if r.Status != tt.status || r.Expected != tt.expected || !strings.Contains(strings.Join(r.Reasons, " "), tt.reason) {
				t.Fatalf("the run is %s, expected %v: %v", r.Status, r.Expected, r.Reasons)
			}
			s, err := engine.OpenSaved(p.KeepIn)
			if err != nil {
				t.Fatal(err)
			}
			j, err := s.Judge()
			if err != nil {
				t.Fatal(err)
			}
			if j.Status != r.Status || j.Expected != r.Expected || !slices.Equal(j.Reasons, r.Reasons) || len(j.Changed) > 0 {
				t.Errorf("judged again it is %s, expected %v: %v, with other %v", j.Status, j.Expected, j.Reasons, j.Changed)
			}
			if !reflect.DeepEqual(j.Assumptions, r.Assumptions) {
				t.Errorf("assumptions\n got  %+v\n want %+v", j.Assumptions, r.Assumptions)
			}
		})
	}
}

func TestChangedLedgerIsNotJudged(t *testing.T) {
	var kept []string
	for seed := range uint64(2) {
		p := calmPlan(t, "naive", nil)
		p.Seed, p.KeepAll, p.Command, p.KeepIn = seed+1, true, "repeat me", filepath.Join(t.TempDir(), "kept")
		inBubble(t, p, nil)
		kept = append(kept, p.KeepIn)
	}
	facts := func(m map[string]any) map[string]any { return m["facts"].(map[string]any) }
	journals := func(m map[string]any) []any { return m["journals"].([]any) }
	for name, tt := range map[string]struct {
		change func(map[string]any)
		want   string // of a manifest that says so and is signed
	}{
		"delivery":         {func(m map[string]any) { facts(m)["delivery"] = "at-most-once" }, ""},
		"delivery unknown": {func(m map[string]any) { facts(m)["delivery"] = "whatever" }, `delivery "whatever"`},
		"order":            {func(m map[string]any) { facts(m)["order"] = "key" }, ""},
		"order gone":       {func(m map[string]any) { delete(facts(m), "order") }, `order ""`},
		"no partitions":    {func(m map[string]any) { facts(m)["partitions"] = 0 }, "0 partitions"},
		"no journals":      {func(m map[string]any) { m["journals"] = []any{} }, "sends.journal 0 times"},
		"a journal gone":   {func(m map[string]any) { m["journals"] = journals(m)[:len(journals(m))-1] }, "appended.journal 0 times"},
		"a pod's gone":     {func(m map[string]any) { m["journals"] = slices.Delete(journals(m), 2, 3) }, "pod-1.1.journal 0 times"},
		"sends twice":      {func(m map[string]any) { m["journals"] = append(journals(m), journals(m)[0]) }, "sends.journal 2 times"},
		"a journal more": {func(m map[string]any) {
			m["journals"] = append(journals(m), map[string]any{"file": "../sends.journal", "digest": "x"})
		}, "no journal of the run"},
		"no digest":        {func(m map[string]any) { journals(m)[0].(map[string]any)["digest"] = "" }, "no digest of sends.journal"},
		"slots":            {func(m map[string]any) { journals(m)[1].(map[string]any)["slots"] = 3 }, ""},
		"reaped":           {func(m map[string]any) { journals(m)[1].(map[string]any)["reaped_ns"] = 0 }, ""},
		"final emptied":    {func(m map[string]any) { facts(m)["final"] = []any{} }, ""},
		"drain end":        {func(m map[string]any) { facts(m)["drain_end_ns"] = 0 }, ""},
		"session":          {func(m map[string]any) { facts(m)["session_ns"] = 1 }, ""},
		"owners gone":      {func(m map[string]any) { facts(m)["owners"] = []any{} }, "no owners"},
		"owners fewer":     {func(m map[string]any) { facts(m)["owners"] = []any{""} }, "no journal of the run"},
		"verdicts gone":    {func(m map[string]any) { m["verdicts"] = []any{} }, "no verdict on pod liveness"},
		"status":           {func(m map[string]any) { m["status"] = "fine" }, `status "fine"`},
		"a field unknown":  {func(m map[string]any) { facts(m)["deliverance"] = 1 }, "deliverance"},
		"version gone":     {func(m map[string]any) { delete(m, "version") }, "no version"},
		"version 1":        {func(m map[string]any) { m["version"] = 1 }, "version 1, this build reads only version "},
		"verdicts altered": {func(m map[string]any) { m["verdicts"].([]any)[1].(map[string]any)["status"] = "pass" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			at := copied(t, kept[0])
			path := filepath.Join(at, engine.Manifest)
			digest := func(b []byte) []byte { return b }
			edit(t, path, func(b []byte) []byte { return rewritten(t, b, tt.change, digest) })
			wantRefused(t, at, "")
			if tt.want != "" {
				edit(t, path, func(b []byte) []byte { return rewritten(t, b, func(map[string]any) {}, signed) })
				wantRefused(t, at, tt.want)
			}
		})
	}
	t.Run("bits of the manifest", func(t *testing.T) {
		at := copied(t, kept[0])
		path := filepath.Join(at, engine.Manifest)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range raw {
			if i%97 != 0 && i < len(raw)-80 { // in each of the last bytes, which have the digest
				continue
			}
			edit(t, path, func([]byte) []byte { b := bytes.Clone(raw); b[i] ^= 1 << (i % 7); return b })
			wantRefused(t, at, "")
		}
		for _, n := range []int{0, 1, len(raw) / 2, len(raw) - 2} {
			edit(t, path, func([]byte) []byte { return raw[:n] })
			wantRefused(t, at, "cut short")
			wantRefused(t, at, engine.Manifest)
		}
	})
	t.Run("other verdicts", func(t *testing.T) {
		at := copied(t, kept[0])
		edit(t, filepath.Join(at, engine.Manifest), func(b []byte) []byte {
			return rewritten(t, b, func(m map[string]any) {
				m["verdicts"].([]any)[1].(map[string]any)["detail"] = "by other checks"
				m["verdicts"] = append(m["verdicts"].([]any), map[string]any{"check": "forgotten", "status": "pass"})
			}, signed)
		})
		s, err := engine.OpenSaved(at)
		if err != nil {
			t.Fatal(err)
		}
		j, err := s.Judge()
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{oracle.CheckLoss, "forgotten"}; !slices.Equal(j.Changed, want) || j.Expected || j.Torn || j.Status != s.Status {
			t.Errorf("changed %v, want %v; expected %v, torn %v, %s", j.Changed, want, j.Expected, j.Torn, j.Status)
		}
	})
	t.Run("journals of another run", func(t *testing.T) {
		files, err := filepath.Glob(filepath.Join(kept[1], "*.journal"))
		if err != nil || len(files) < 4 {
			t.Fatal(files, err)
		}
		for _, from := range files {
			at := copied(t, kept[0])
			edit(t, filepath.Join(at, filepath.Base(from)), func([]byte) []byte {
				b, err := os.ReadFile(from)
				if err != nil {
					t.Fatal(err)
				}
				return b
			})
			wantRefused(t, at, filepath.Base(from)+" is not the journal of this run")
			wantRefused(t, at, "make a new run: repeat me")
		}
	})
}

// rewritten is a manifest with a change.
func rewritten(t *testing.T, raw []byte, change func(map[string]any), sign func([]byte) []byte) []byte {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	change(m)
	delete(m, "digest")
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return sign(b)
}

// signed is a manifest with a valid signature.
func signed(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte("\n}"))
	return fmt.Appendf(b, ",\n  \"digest\": \"%x\"\n}\n", sha256.Sum256(b))
}

// wantRefused wants an error of OpenSaved or Judge.
func wantRefused(t *testing.T, dir, want string) {
	t.Helper()
	s, err := engine.OpenSaved(dir)
	if err == nil {
		_, err = s.Judge()
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

var (
	_ = harness.Register(harness.Implementation{
		Name: "test-mortal", Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Mutant: true,
		New: func(harness.Config) (harness.Consumer, error) {
			return consume(func(ctx context.Context, cfg harness.Config, w harness.Work) error {
				keyed, err := harness.FindImplementation("keyed")
				if err != nil {
					return err
				}
				inner, err := keyed.New(cfg)
				if err != nil {
					return err
				}
				if cfg.Pod == "pod-2" {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
					defer cancel()
				}
				return errors.Join(inner.Consume(ctx, cfg, w), ctx.Err())
			}), nil
		},
	})
	_ = harness.Register(harness.Implementation{
		Name: "test-unclaimed", Mutant: true, Parallelism: func(cfg harness.Config) int { return cfg.Workers },
		New: func(cfg harness.Config) (harness.Consumer, error) {
			naive, err := harness.FindImplementation("naive") // it commits before its work
			if err != nil {
				return nil, err
			}
			return naive.New(cfg)
		},
	})
	_ = harness.Register(harness.Implementation{
		Name: "test-good", Delivery: harness.AtLeastOnce, Order: harness.OrderKey, Mutant: true,
		MustFail: []harness.Expectation{{Scenario: "test-good", Check: oracle.CheckLoss}},
		New: func(cfg harness.Config) (harness.Consumer, error) {
			keyed, err := harness.FindImplementation("keyed")
			if err != nil {
				return nil, err
			}
			return keyed.New(cfg)
		},
	})
)
