package oracle

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// String writes a history in the grammar of testdata/oracle, so that it can be
// kept as a file. Events that no check uses are left out.
func (h *history) String() string {
	var b strings.Builder
	f := h.facts
	fmt.Fprintf(&b, "claims %s %s %s\n", cmp.Or(f.Delivery, "-"), cmp.Or(f.Order, "-"), f.Protocol)
	if f.Redelivery != "" {
		fmt.Fprintf(&b, "redelivery %s\n", f.Redelivery)
	}
	if f.Producer.NotIdempotent {
		fmt.Fprintf(&b, "producer acks=%s in-flight=%d\n", f.Producer.Acks, f.Producer.InFlight)
	}
	if f.Added > 0 {
		fmt.Fprintf(&b, "added %d\n", f.Added)
	}
	if f.Parallelism > 0 {
		fmt.Fprintf(&b, "parallelism %d\n", f.Parallelism)
	}
	if f.Buffering > 0 {
		fmt.Fprintf(&b, "buffering %d\n", f.Buffering)
	}
	if f.DeadLetters != (harness.DeadLetterPolicy{}) {
		fmt.Fprintf(&b, "dead-letters %d%s\n", f.DeadLetters.Attempts, map[bool]string{true: " cancelled"}[f.DeadLetters.Cancelled])
	}
	if f.Effect != "" {
		fmt.Fprintf(&b, "effects %s\n", f.Effect)
	}
	if f.Share {
		volatile := map[bool]string{true: " volatile"}[f.Volatile]
		fmt.Fprintf(&b, "share lock=%v deliveries=%d%s\n", f.Lock, f.Deliveries, volatile)
	}
	for name, limit := range map[string]time.Duration{"starved": f.Limits.StarvedAfter, "others": f.Limits.OthersP99} {
		if limit > 0 {
			fmt.Fprintf(&b, "threshold %s %v\n", name, limit)
		}
	}
	if len(f.Aggressors) > 0 {
		fmt.Fprintf(&b, "aggressors %s\n", strings.Trim(fmt.Sprint(f.Aggressors), "[]"))
	}
	for _, t := range f.Truncations {
		fmt.Fprintf(&b, "truncated p%d@%d %v %v\n", t.Partition, t.From, t.Began, t.Elected)
	}
	for _, s := range f.Sides {
		fmt.Fprintf(&b, "side %s %s\n", s.Name, s.Role)
	}
	h.writeLogs(&b, 0, f.Partitions, f.Final)
	for i, s := range f.Sides {
		h.writeLogs(&b, uint16(i+1), s.Partitions, s.Final)
	}
	fmt.Fprintf(&b, "interval %v\ndrain %v\n", f.Commit, f.DrainEnd)
	for _, e := range h.sorted() {
		if line := h.write(&e); line != "" {
			fmt.Fprintf(&b, "%v %s\n", e.At, line)
		}
	}
	return b.String()
}

func (h *history) writeLogs(b *strings.Builder, topic uint16, partitions int, final []int64) {
	for n := range partitions {
		p := ledger.Position{Topic: topic, Partition: int32(n)}
		fmt.Fprintf(b, "log %s", h.at(p))
		left := 0
		for at := range h.ids {
			if at.Topic == p.Topic && at.Partition == p.Partition {
				left++
			}
		}
		for ; left > 0; p.Offset++ {
			if id, appended := h.ids[p]; appended {
				fmt.Fprintf(b, " %d/%d", id[0], id[1])
				left--
			} else {
				b.WriteString(" -")
			}
		}
		b.WriteString("\n")
		if n < len(final) {
			fmt.Fprintf(b, "final %s %d\n", h.at(p), final[n])
		}
	}
}

// at is a partition in the grammar.
func (h *history) at(p ledger.Position) string {
	if p.Topic == 0 {
		return fmt.Sprintf("p%d", p.Partition)
	}
	return fmt.Sprintf("%s/p%d", h.facts.Sides[p.Topic-1].Name, p.Partition)
}

// write is an event without its time, "" for one that no check uses.
func (h *history) write(e *ledger.Event) string {
	p, owner := h.at(e.Position()), h.facts.Owners[e.Owner]
	record := fmt.Sprintf("%s@%d", p, e.Offset)
	more := ""
	if id, appended := h.ids[e.Position()]; e.Kind != ledger.EventDeferred && (!appended || id != [2]uint32{e.Key, e.Seq}) {
		more = fmt.Sprintf(" %d/%d", e.Key, e.Seq)
	}
	flags := h.flags(e)
	switch e.Kind {
	case ledger.EventAcked:
		if e.Outcome == ledger.OutcomeAcked {
			return fmt.Sprintf("acked %s%s sent=%v", record, more, e.Sent)
		}
	case ledger.EventOwned:
		return fmt.Sprintf("own %s %s gen=%d member=%d seen=%v%s", p, owner, e.Generation, e.Member, e.Seen, flags)
	case ledger.EventReleased:
		return fmt.Sprintf("released %s %s gen=%d member=%d seen=%v%s", p, owner, e.Generation, e.Member, e.Seen, flags)
	case ledger.EventRewound:
		if answer, known := e.Answer(); known {
			flags += fmt.Sprintf(" answer=%d", answer)
		}
		if e.Offset < 0 {
			return fmt.Sprintf("rewound %s %s%s", p, owner, flags)
		}
		return fmt.Sprintf("rewound %s %s %d%s", p, owner, e.Offset, flags)
	case ledger.EventTrimmed:
		return fmt.Sprintf("trimmed %s %d", p, e.Offset)
	case ledger.EventExpired:
		return "expired"
	case ledger.EventReset:
		return fmt.Sprintf("reset %s %s %d%s", p, owner, e.Offset, map[bool]string{true: " latest"}[e.IsLatest()])
	case ledger.EventFetched:
		return fmt.Sprintf("fetched %s %s %d", p, owner, e.Offset)
	case ledger.EventStart:
		return "start " + record + " " + owner + more + flags
	case ledger.EventEnd:
		for _, s := range h.events {
			if s.Kind == ledger.EventStart && s.Owner == e.Owner && s.Position() == e.Position() && s.At < e.Start {
				return fmt.Sprintf("%v %s %s since=%v", e.Outcome, record, owner, e.Start)
			}
		}
		return e.Outcome.String() + " " + record + " " + owner
	case ledger.EventCommit:
		return fmt.Sprintf("commit %s %d %s gen=%d member=%d%s", p, e.Offset, owner, e.Generation, e.Member, flags)
	case ledger.EventCopied:
		return "copied " + record + more + flags
	case ledger.EventDeferred:
		return fmt.Sprintf("deferred %s to=%d at=%d %s%s", record, e.To, e.DeferredBy().Offset, h.facts.Sides[e.DeferredBy().Topic-1].Name, flags)
	case ledger.EventAcquired:
		return fmt.Sprintf("acquired %s to=%d %s count=%d", record, e.To, owner, e.Deliveries)
	case ledger.EventAcknowledged:
		for name, ack := range acks {
			if ack == e.Ack {
				return fmt.Sprintf("ack %s %s %s%s", record, owner, name, flags)
			}
		}
	case ledger.EventUp, ledger.EventDown:
		return e.Kind.String() + " " + owner
	case ledger.EventInject, ledger.EventHeal:
		return fmt.Sprintf("%v %s fault=%d", e.Kind, owner, e.Fault())
	case ledger.EventExpelled:
		return fmt.Sprintf("expelled %s seen=%v%s", owner, e.Seen, flags)
	}
	return ""
}

func (h *history) flags(e *ledger.Event) (words string) {
	if e.OwnGroup() {
		words += fmt.Sprintf(" group=%d", e.Group)
	}
	if e.Flags&ledger.FlagLate != 0 {
		words += " late"
	}
	if e.Flags&ledger.FlagTransactional != 0 {
		words += " txn"
	}
	if e.Flags&ledger.FlagCorrupt != 0 {
		words += " corrupt"
	}
	if e.Kind != ledger.EventEnd && e.Outcome == ledger.OutcomeUnknown {
		words += " unknown"
	}
	if (e.Kind == ledger.EventAcknowledged || e.Kind == ledger.EventCommit) && e.Outcome == ledger.OutcomeFailed {
		words += " failed"
	}
	if e.Kind == ledger.EventStart && e.Deliveries > 0 {
		words += fmt.Sprintf(" count=%d", e.Deliveries)
	}
	if e.Kind == ledger.EventStart && e.Call > 0 {
		words += fmt.Sprintf(" call=%d", e.Call)
	}
	return words
}
