package group

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Options are the optional features of a member. The zero value is a member that reads
// cfg.Topic and commits low watermarks.
type Options struct {
	// MoreTopics are topics that the member reads in addition to cfg.Topic, with the same
	// window.
	MoreTopics []string

	// ReadCommitted skips records of transactions that are open or aborted.
	ReadCommitted bool

	// KeepCompleted writes the offsets completed above the watermark to the metadata of
	// each commit. The next owner of the partition does not work on them again.
	KeepCompleted bool

	// PartitionQuotas gives each partition at most an equal part of the window.
	PartitionQuotas bool

	// Due is the time from which on a record may be worked on. A record that is not due
	// stays in a buffer outside the window, and so do the records of its partition behind
	// it. nil is at once. See [DueByTopic].
	Due func(*kgo.Record) time.Time

	// SkipBacklog reports whether the member skips the offsets from up to, and without, to
	// of a's partition: another consumer works on them. It is called after each
	// poll for a partition that is behind its end, while no partition can be revoked. An
	// error ends the member. nil skips nothing.
	SkipBacklog func(ctx context.Context, a *Assignment, from, to int64) (bool, error)

	// ClientOptions are more options of the client. They come last.
	ClientOptions []kgo.Opt

	// Hooks replace steps of the member.
	Hooks Hooks
}

// buffersRecords reports whether records wait in buffers before the member accepts them.
func (o Options) buffersRecords() bool { return o.PartitionQuotas || o.Due != nil }

// Hooks replace steps of a member, for a design with other rules or to seed a bug on
// purpose. A nil hook is the honest step.
type Hooks struct {
	// Offset is the offset to commit for an assignment; ok is false for none. nil is the low
	// watermark. It replaces KeepCompleted too.
	Offset func(a *Assignment) (next kgo.EpochOffset, ok bool)

	// Committed is called after each commit on the clock. nil does nothing: the next commit
	// makes up for one that failed.
	Committed func(m *Member, err error)

	// Revoke is called when the group revokes partitions, and when the member leaves, after
	// its records in work have finished. The next owner begins when it has returned. nil is [Member.Settle].
	// Afterwards the member commits nothing for them.
	Revoke func(m *Member, ending Assignments)

	// Lose is called when the member was expelled: the partitions may have new owners. nil is
	// [Member.Drop].
	Lose func(m *Member, ending Assignments)
}

// orDefaults is h with the honest steps in place of those that are nil, but Offset.
func (h Hooks) orDefaults() Hooks {
	if h.Committed == nil {
		h.Committed = func(*Member, error) {}
	}
	if h.Revoke == nil {
		h.Revoke = (*Member).Settle
	}
	if h.Lose == nil {
		h.Lose = (*Member).Drop
	}
	return h
}
