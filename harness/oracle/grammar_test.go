package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// history is a run being read from its text; see TestHistories.
type history struct {
	facts  *Facts
	ids    map[ledger.Position][2]uint32
	lies   []ledger.Position // where ids lie, in the order of the file
	events []ledger.Event
	open   map[string][]ledger.Event // attempts under way, the first to end first
}

func newHistory() *history {
	return &history{
		facts: &Facts{
			Delivery: harness.AtLeastOnce, Order: harness.OrderKey, Protocol: harness.Cooperative,
			Log: NewLog(), Session: 6 * time.Second, Heartbeat: time.Second, Commit: time.Hour, DrainEnd: time.Minute,
			Owners: strings.Split(",a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", ","), Broken: map[string]string{},
		},
		ids: map[ledger.Position][2]uint32{}, open: map[string][]ledger.Event{},
	}
}

func (h *history) line(line string) (err error) {
	w := strings.Fields(line)
	f := h.facts
	switch w[0] {
	case "claims":
		f.Delivery, f.Order = harness.Delivery(strings.Trim(w[1], "-")), harness.Order(strings.Trim(w[2], "-"))
		f.Protocol = harness.Protocol(w[3])
	case "redelivery":
		f.Redelivery = harness.Redelivery(w[1])
	case "producer":
		f.Producer.NotIdempotent = true
		f.Producer.Acks = harness.Acks(strings.TrimPrefix(w[1], "acks="))
		f.Producer.InFlight, err = strconv.Atoi(strings.TrimPrefix(w[2], "in-flight="))
	case "added":
		f.Added, err = strconv.Atoi(w[1])
		f.Log.MoveKeys()
	case "truncated":
		err = h.truncation(w[1:])
	case "effects":
		f.Effect = harness.Effect(w[1])
	case "share":
		f.Share, f.Volatile = true, slices.Contains(w, "volatile")
		_, err = fmt.Sscanf(w[2], "deliveries=%d", &f.Deliveries)
		if err == nil {
			f.Lock, err = time.ParseDuration(strings.TrimPrefix(w[1], "lock="))
		}
	case "side":
		f.Sides = append(f.Sides, Side{Name: w[1], Role: harness.Role(w[2])})
	case "log":
		err = h.log(w[1:])
	case "final":
		err = h.final(w[1], w[2])
	case "dead-letters":
		f.DeadLetters.Cancelled = slices.Contains(w, "cancelled")
		f.DeadLetters.Attempts, err = strconv.Atoi(w[1])
	case "parallelism":
		f.Parallelism, err = strconv.Atoi(w[1])
	case "buffering":
		f.Buffering, err = strconv.Atoi(w[1])
	case "interval": // between commits; without one no clock asks for them
		f.Commit, err = time.ParseDuration(w[1])
	case "drain":
		f.DrainEnd, err = time.ParseDuration(w[1])
	case "threshold":
		limit := map[string]*time.Duration{"starved": &f.Limits.StarvedAfter, "others": &f.Limits.OthersP99}[w[1]]
		*limit, err = time.ParseDuration(w[2])
	case "aggressors":
		for _, key := range w[1:] {
			k, _ := strconv.Atoi(key)
			f.Aggressors = append(f.Aggressors, uint32(k))
		}
	case "broken":
		name, why, _ := strings.Cut(strings.Join(w[1:], " "), ": ")
		if !slices.Contains(Assumptions, name) {
			return fmt.Errorf("no assumption %q", name)
		}
		f.Broken[name] = why
	case "unobserved":
		f.Unobserved = append(f.Unobserved, strings.Join(w[1:], " "))
	default:
		var at time.Duration
		if at, err = time.ParseDuration(w[0]); err == nil {
			err = h.event(at, w[1:])
		}
	}
	return err
}

// truncation reads p0@3 10s 15s: what was cut off, the begin and the end of the election.
func (h *history) truncation(w []string) error {
	p, err := h.place(w[0])
	if err != nil {
		return err
	}
	t := Truncation{Partition: p.Partition, From: p.Offset}
	if t.Began, err = time.ParseDuration(w[1]); err != nil {
		return err
	}
	t.Elected, err = time.ParseDuration(w[2])
	h.facts.Truncations = append(h.facts.Truncations, t)
	return err
}

// place reads p0, p0@3 or retry-1/p0@3; the offset is -1 without one.
func (h *history) place(s string) (p ledger.Position, err error) {
	if topic, rest, ok := strings.Cut(s, "/"); ok {
		s = rest
		p.Topic = uint16(1 + slices.IndexFunc(h.facts.Sides, func(side Side) bool { return side.Name == topic }))
		if p.Topic == 0 {
			return p, fmt.Errorf("no side topic %q", topic)
		}
	}
	partition, offset, at := strings.Cut(s, "@")
	n, err := strconv.Atoi(strings.TrimPrefix(partition, "p"))
	p.Partition, p.Offset = int32(n), -1
	if err == nil && at {
		p.Offset, err = strconv.ParseInt(offset, 10, 64)
	}
	return p, err
}

func record(s string) (r [2]uint32, err error) {
	_, err = fmt.Sscanf(s, "%d/%d", &r[0], &r[1])
	return r, err
}

func (h *history) log(w []string) error {
	p, err := h.place(w[0])
	if err != nil {
		return err
	}
	partitions := &h.facts.Partitions
	if p.Topic > 0 {
		partitions = &h.facts.Sides[p.Topic-1].Partitions
	}
	*partitions = max(*partitions, int(p.Partition)+1)
	for offset, id := range w[1:] {
		if id == "-" {
			continue
		}
		p.Offset = int64(offset)
		if h.ids[p], err = record(id); err != nil {
			return err
		}
		h.lies = append(h.lies, p)
	}
	return nil
}

// addLog fills the log in the order it wants: copies before the source.
func (h *history) addLog() {
	for _, side := range []bool{true, false} {
		for _, p := range h.lies {
			if (p.Topic > 0) == side {
				h.facts.Log.addRecord(p, h.ids[p][0], h.ids[p][1])
			}
		}
	}
}

func (h *history) final(place, offset string) error {
	p, err := h.place(place)
	if err != nil {
		return err
	}
	final := &h.facts.Final
	if p.Topic > 0 {
		final = &h.facts.Sides[p.Topic-1].Final
	}
	for len(*final) <= int(p.Partition) {
		*final = append(*final, 0)
	}
	(*final)[p.Partition], err = strconv.ParseInt(offset, 10, 64)
	return err
}

// eventKinds are the words for events. All others are ends of an attempt.
var eventKinds = map[string]ledger.EventKind{
	"own": ledger.EventOwned, "released": ledger.EventReleased, "rewound": ledger.EventRewound, "acked": ledger.EventAcked,
	"commit": ledger.EventCommit, "start": ledger.EventStart, "copied": ledger.EventCopied, "deferred": ledger.EventDeferred,
	"ack": ledger.EventAcknowledged, "up": ledger.EventUp, "down": ledger.EventDown, "inject": ledger.EventInject,
	"heal": ledger.EventHeal, "acquired": ledger.EventAcquired, "expelled": ledger.EventExpelled,
	"trimmed": ledger.EventTrimmed, "expired": ledger.EventExpired, "reset": ledger.EventReset, "fetched": ledger.EventFetched,
}

// ends are the outcomes of attempts.
var ends = map[string]ledger.Outcome{
	"effect": ledger.OutcomeEffect, "error": ledger.OutcomeError, "cancelled": ledger.OutcomeCancelled, "open": ledger.OutcomeOpen, "poison": ledger.OutcomePoison,
}

var acks = map[string]ledger.Ack{
	"gap": ledger.AckGap, "accept": ledger.AckAccept, "release": ledger.AckRelease, "reject": ledger.AckReject, "renew": ledger.AckRenew,
}

func (h *history) event(at time.Duration, w []string) error {
	e := ledger.Event{At: at, Kind: eventKinds[w[0]]}
	words := w[1:]
	if e.Kind == ledger.EventExpired { // of the run's group
		e.Seen, e.Partition = at, -1
		h.events = append(h.events, e)
		return nil
	}
	if owner := slices.Index(h.facts.Owners, w[1]); owner < 0 {
		p, err := h.place(w[1])
		if err != nil {
			return err
		}
		e.Topic, e.Partition, e.Offset = p.Topic, p.Partition, max(0, p.Offset)
		if p.Offset >= 0 && e.Kind != ledger.EventDeferred {
			e.Key, e.Seq = h.ids[p][0], h.ids[p][1]
		}
		words = w[2:]
	}
	switch e.Kind {
	case ledger.EventAcked:
		e.Outcome = ledger.OutcomeAcked
	case ledger.EventCommit, ledger.EventCopied, ledger.EventDeferred, ledger.EventAcknowledged:
		e.Outcome = ledger.OutcomeConfirmed
	case ledger.EventRewound:
		e.Offset = -1
	}
	for _, word := range words {
		if err := h.word(&e, word); err != nil {
			return err
		}
	}
	e.Seen = max(e.Seen, at)
	id := fmt.Sprint(w[1], e.Owner)
	if o, ends := ends[w[0]]; ends {
		i := slices.IndexFunc(h.open[id], func(began ledger.Event) bool { return e.Start == 0 || began.Start == e.Start })
		if i < 0 {
			return fmt.Errorf("it never started")
		}
		e = h.open[id][i]
		h.open[id] = slices.Delete(h.open[id], i, i+1)
		e.Kind, e.Outcome, e.At = ledger.EventEnd, o, at
	} else if e.Kind == 0 {
		return fmt.Errorf("unknown event")
	}
	if e.Kind == ledger.EventStart {
		e.Start = at
		h.open[id] = append(h.open[id], e)
	}
	h.events = append(h.events, e)
	return nil
}

// word takes one more word of an event.
func (h *history) word(e *ledger.Event, word string) (err error) {
	if name, value, ok := strings.Cut(word, "="); ok {
		return h.setting(e, name, value)
	}
	ack, isAck := acks[word]
	side := slices.IndexFunc(h.facts.Sides, func(s Side) bool { return s.Name == word })
	switch {
	case strings.Contains(word, "/"):
		var r [2]uint32
		r, err = record(word)
		e.Key, e.Seq = r[0], r[1]
	case slices.Contains(h.facts.Owners, word):
		e.Owner = ledger.Owner(slices.Index(h.facts.Owners, word))
	case e.Kind == ledger.EventAcknowledged && isAck:
		e.Ack = ack
	case e.Kind == ledger.EventDeferred && side >= 0:
		by := e.DeferredBy()
		by.Topic = uint16(side + 1)
		e.SetDeferredBy(by)
	case e.Kind == ledger.EventReset && word == "latest":
		e.To = 1
	case word == "late":
		e.Flags |= ledger.FlagLate
	case word == "txn":
		e.Flags |= ledger.FlagTransactional
	case word == "corrupt":
		e.Flags |= ledger.FlagCorrupt
	case word == "failed":
		e.Outcome = ledger.OutcomeFailed
	case word == "unknown":
		e.Outcome = ledger.OutcomeUnknown
	default:
		e.Offset, err = strconv.ParseInt(word, 10, 64)
	}
	return err
}

func (h *history) setting(e *ledger.Event, name, value string) (err error) {
	if at := map[string]*time.Duration{"seen": &e.Seen, "due": &e.Due, "sent": &e.Sent, "since": &e.Start}[name]; at != nil {
		*at, err = time.ParseDuration(value)
		return err
	}
	n, err := strconv.ParseInt(value, 10, 64)
	switch name {
	case "gen":
		e.Generation = int32(n)
	case "call":
		e.Call = uint32(n)
	case "member":
		e.Member = uint64(n)
	case "group":
		e.Group = uint32(n)
	case "fault":
		e.SetFault(uint32(n))
	case "count":
		e.Deliveries = uint8(n)
	case "to":
		e.To = n
	case "answer":
		e.SetAnswer(n)
	case "at":
		by := e.DeferredBy()
		by.Offset = n
		e.SetDeferredBy(by)
	default:
		return cmp.Or(err, fmt.Errorf("unknown word %q", name))
	}
	return err
}
