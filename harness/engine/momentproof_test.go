package engine_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// momentHit is a fault of a run that had to hit a moment.
type momentHit struct {
	momentCase
	injection int // injection is its number in the scenario.
	healAfter time.Duration
}

// momentFacts are the slots of a run's journals by their kind.
type momentFacts map[ledger.Kind][]ledger.Slot

func readMomentFacts(t *testing.T, folder string) momentFacts {
	t.Helper()
	journals, err := filepath.Glob(filepath.Join(folder, "*.journal"))
	if err != nil {
		t.Fatal(err)
	}
	facts := momentFacts{}
	for _, path := range journals {
		r, err := ledger.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Each(func(s *ledger.Slot) { facts[s.Kind()] = append(facts[s.Kind()], *s) }); err != nil {
			t.Fatal(err)
		}
	}
	return facts
}

// find is the first slot of a kind that fits.
func (f momentFacts) find(k ledger.Kind, fits func(*ledger.Slot) bool) *ledger.Slot {
	for i := range f[k] {
		if s := &f[k][i]; fits(s) {
			return s
		}
	}
	return nil
}

// prove returns why the ledger does not say that a fault hit its moment, or nil. It does not ask
// what the fault itself says but for its time and its pod.
func (f momentFacts) prove(h momentHit) error {
	ofFault := func(s *ledger.Slot) bool { return s.Key() == uint32(h.injection) }
	inject, heal := f.find(ledger.KindInject, ofFault), f.find(ledger.KindHeal, ofFault)
	if inject == nil || heal == nil {
		return errors.New("it was not injected and healed")
	}
	p := proof{f, h, inject.Owner(), inject.At(), heal.At()}
	down := f.find(ledger.KindDown, func(s *ledger.Slot) bool { return s.Owner() == p.owner })
	switch ended := down != nil && down.At() >= p.from && down.At() <= p.to; {
	case ended != (h.fault == killed):
		return fmt.Errorf("its pod ended meanwhile: %v", ended)
	case h.fault == killed:
		p.to = down.At()
	}
	if h.moment.Work != 0 {
		return p.ofWork()
	}
	return p.ofRequest()
}

// proof is what the ledger has of one fault: its pod, and the time from its begin until the pod
// ended, or until the heal.
type proof struct {
	momentFacts
	momentHit
	owner    ledger.Owner
	from, to int64
}

// ofWork finds the attempt that waited at the point, and the attempt that follows it.
func (p proof) ofWork() error {
	held := p.find(ledger.KindHeld, func(s *ledger.Slot) bool {
		return s.Owner() == p.owner && s.HeldAt() == uint8(p.moment.Work) && s.Start() >= p.from && s.Start() <= p.to
	})
	if held == nil {
		return errors.New("no attempt waited at the point")
	}
	attempt := p.find(ledger.KindAttempt, func(s *ledger.Slot) bool {
		ended := s.Outcome() != ledger.OutcomeOpen && s.End() < held.Start() && p.moment.Work != harness.AfterEffect
		return s.Owner() == p.owner && s.Position() == held.Position() && s.Start() <= held.Start() && !ended
	})
	if attempt == nil {
		return errors.New("the held attempt is not in the ledger")
	}
	worked := time.Duration(held.Start() - attempt.Start())
	hadEffect := attempt.Outcome() == ledger.OutcomeEffect && attempt.End() <= held.Start()
	switch {
	case hadEffect != (p.moment.Work == harness.AfterEffect):
		return fmt.Errorf("the attempt had an effect before it waited: %v", hadEffect)
	case p.moment.Work != harness.BeforeWork && worked < momentService:
		return fmt.Errorf("the work had taken %v", worked)
	case p.fault == paused:
		return p.stoodStill(held.Start(), held.End())
	case held.Outcome() != ledger.OutcomeOpen:
		return errors.New("the held attempt went on")
	case !hadEffect && attempt.Outcome() != ledger.OutcomeOpen:
		return fmt.Errorf("the held attempt ended: %v", attempt.Outcome())
	}
	// The pod never knew, so another attempt follows.
	if p.find(ledger.KindAttempt, func(s *ledger.Slot) bool {
		return s.Owner() != p.owner && s.Position() == held.Position() && s.Start() >= held.Start()
	}) == nil {
		return errors.New("no other pod did the work of the killed one")
	}
	return nil
}

// ofRequest finds the request that was held or whose response was held.
func (p proof) ofRequest() error {
	isIt := func(s *ledger.Slot) bool {
		key, t := s.Exchange()
		came := t.Asked // came is when the frame came that was to be held
		if p.moment.OnResponse {
			came = t.Answered
		}
		switch {
		case key != p.moment.Key || s.Owner() != p.owner || came < p.from || came > p.to:
			return false
		case p.fault == paused && p.isLost(s):
			return true
		case p.fault == paused && p.moment.OnResponse:
			return t.Returned-t.Answered >= int64(p.healAfter)
		case p.fault == paused:
			return t.Got-t.Asked >= int64(p.healAfter)
		}
		return p.isLost(s)
	}
	held := p.find(ledger.KindExchange, isIt)
	if held == nil {
		return fmt.Errorf("no request of key %d fits: %s", p.moment.Key, p.exchanges())
	}
	_, t := held.Exchange()
	switch {
	case p.fault == paused && p.isLost(held):
		return p.stoodStill(max(t.Asked, t.Answered), p.to)
	case p.fault == paused && p.moment.OnResponse:
		return p.stoodStill(t.Answered, t.Returned)
	case p.fault == paused:
		return p.stoodStill(t.Asked, t.Got)
	case p.fault == cutOff && !p.livedOn(t.Asked):
		return errors.New("the pod asked nothing after that")
	}
	return p.effectOf(t)
}

// isLost reports whether the held frame did not arrive. A client that wakes from a pause may give
// an exchange up before the wire releases its frame.
func (p proof) isLost(s *ledger.Slot) bool {
	if p.moment.OnResponse {
		return s.Outcome() == ledger.OutcomeUnknown
	}
	return s.Outcome() == ledger.OutcomeFailed
}

// effectOf checks what the broker had of the request.
func (p proof) effectOf(t ledger.ExchangeTimes) error {
	until := p.to // before a cut pod asks again
	if p.fault == cutOff {
		until = t.Asked
	}
	if t.Answered > 0 {
		until = t.Answered
	}
	has := func(k ledger.Kind) bool {
		return p.find(k, func(s *ledger.Slot) bool {
			took := s.Outcome() == ledger.OutcomeConfirmed || k == ledger.KindTransaction && s.Outcome() == ledger.OutcomeCancelled
			return s.Owner() == p.owner && took && s.At() >= t.Asked-int64(time.Nanosecond) && s.At() <= until
		}) != nil
	}
	kind, wanted := ledger.Kind(0), p.moment.OnResponse
	switch kmsg.Key(p.moment.Key) {
	case kmsg.OffsetCommit:
		kind = ledger.KindCommit
	case kmsg.TxnOffsetCommit: // the commit does not hold before the transaction has ended
		kind, wanted = ledger.KindCommit, false
	case kmsg.EndTxn:
		kind = ledger.KindTransaction
		if wanted {
			until = p.to // the markers follow
		}
	case kmsg.ShareAcknowledge:
		kind = ledger.KindAcknowledged
	case kmsg.ShareFetch:
		kind = ledger.KindAcquired
	case kmsg.SyncGroup:
		return p.joinedBefore(t.Asked)
	default:
		return nil
	}
	if p.consumer == "share" && !wanted {
		return nil // what the pod's other clients ask of other brokers goes on
	}
	if has(kind) != wanted {
		return fmt.Errorf("the broker has it: %v", !wanted)
	}
	return nil
}

// joinedBefore checks that the member had the response to its JoinGroup.
func (p proof) joinedBefore(at int64) error {
	if p.find(ledger.KindExchange, func(s *ledger.Slot) bool {
		key, t := s.Exchange()
		return s.Owner() == p.owner && kmsg.Key(key) == kmsg.JoinGroup && s.Outcome() == ledger.OutcomeConfirmed && t.Returned >= p.from && t.Returned <= at
	}) == nil {
		return errors.New("the member had not joined")
	}
	return nil
}

// livedOn reports whether the pod got a response to a later request.
func (p proof) livedOn(after int64) bool {
	return p.find(ledger.KindExchange, func(s *ledger.Slot) bool {
		_, t := s.Exchange()
		return s.Owner() == p.owner && t.Asked > after && s.Outcome() == ledger.OutcomeConfirmed
	}) != nil
}

// stoodStill checks that a wait lasted as long as the fault, and that the pod began no work for
// half of that.
func (p proof) stoodStill(from, to int64) error {
	if to-from < int64(p.healAfter) {
		return fmt.Errorf("it waited for %v", time.Duration(to-from))
	}
	starts := []int64{from, to}
	for i := range p.momentFacts[ledger.KindAttempt] {
		if s := &p.momentFacts[ledger.KindAttempt][i]; s.Owner() == p.owner && s.Start() > from && s.Start() < to {
			starts = append(starts, s.Start())
		}
	}
	slices.Sort(starts)
	longest := int64(0)
	for i := range starts[1:] {
		longest = max(longest, starts[i+1]-starts[i])
	}
	if longest < int64(p.healAfter)/2 {
		return fmt.Errorf("it worked on: the longest rest is %v", time.Duration(longest))
	}
	return nil
}

// exchanges are those of the pod with the key while the fault lasted, for a report.
func (p proof) exchanges() (text string) {
	for i := range p.momentFacts[ledger.KindExchange] {
		s := &p.momentFacts[ledger.KindExchange][i]
		if key, t := s.Exchange(); s.Owner() == p.owner && key == p.moment.Key && max(t.Asked, t.Answered) >= p.from-int64(time.Second) && t.Asked <= p.to+int64(time.Second) {
			since := func(at int64) time.Duration {
				if at == 0 {
					return -1
				}
				return time.Duration(at - p.from).Round(time.Millisecond)
			}
			text += fmt.Sprintf("\n%v asked %v got %v answered %v returned %v", s.Outcome(), since(t.Asked), since(t.Got), since(t.Answered), since(t.Returned))
		}
	}
	return text
}
