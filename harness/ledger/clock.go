package ledger

import (
	"time"

	"golang.org/x/sys/unix"
)

// Clock reads CLOCK_MONOTONIC, which all processes of one host share, so that
// times stamped by a pod and by the harness can be compared. It pairs that
// clock with Go's once and then costs one time.Since a reading. The zero value
// is not usable; call [NewClock] once a process. Safe for many goroutines.
type Clock struct {
	mono int64
	at   time.Time
}

// NewClock pairs CLOCK_MONOTONIC with time.Now. A preemption between the readings
// would shift every later time of the process. So of several tries it keeps the one
// with the shortest gap between its two readings of the monotonic clock.
func NewClock() Clock {
	var best Clock
	gap := int64(1<<63 - 1)
	for range 5 {
		before := monotonic()
		at := time.Now()
		after := monotonic()
		if after-before < gap {
			gap = after - before
			best = Clock{mono: before + gap/2, at: at}
		}
	}
	return best
}

// NewVirtualClock is a clock for a bubble of testing/synctest: its readings are
// those of the bubble's own clock, so that all clocks made in one bubble agree.
// It has nothing to do with CLOCK_MONOTONIC.
func NewVirtualClock() Clock {
	now := time.Now()
	return Clock{mono: now.UnixNano(), at: now}
}

// Now is the time on CLOCK_MONOTONIC in nanoseconds.
func (c Clock) Now() int64 { return c.mono + int64(time.Since(c.at)) }

// NotAfter is the time on CLOCK_MONOTONIC of a wall clock time of this host, never
// later. It is somewhat earlier if the wall clock was set back or slowed down since
// the clock was made.
func (c Clock) NotAfter(stamp time.Time) int64 {
	now := time.Now()
	ahead := now.UnixNano() - (c.mono + int64(now.Sub(c.at)))
	return stamp.UnixNano() - max(ahead, c.at.UnixNano()-c.mono)
}

// Time is the wall clock at a time on CLOCK_MONOTONIC, as it was set when c was made.
func (c Clock) Time(mono int64) time.Time { return c.at.Add(time.Duration(mono - c.mono)) }

func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic("clock_gettime(CLOCK_MONOTONIC): " + err.Error())
	}
	return ts.Nano()
}
