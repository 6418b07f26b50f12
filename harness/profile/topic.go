package profile

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/stampede-bench/stampede/harness/observe"
)

// Topic is a topic of a cluster, and how to read it. The reader joins no group, commits nothing and
// writes nothing. It reads uncommitted records too. Secured clusters (TLS, SASL) cannot be read yet.
type Topic struct {
	Seeds []string                                                          // Seeds are the bootstrap brokers, host:port.
	Dial  func(ctx context.Context, network, addr string) (net.Conn, error) // Dial is nil for the ordinary network.
	Name  string

	For   time.Duration // For is how long to read. 0: 60 s.
	Since time.Duration // Since is how far back the window begins; it ends now. 0: the window begins now and takes For.
	Limit int           // Limit is the most records read a second. 0: 20,000.
	Bytes int           // Bytes is the most bytes read a second. 0: 10 MiB.
	Seed  uint64        // Seed decides which records are read where not all are.

	Tell func(line string) // Tell is told what happens, one line at a time. May be nil.
}

// Defaults of a [Topic].
const (
	DefaultFor   = time.Minute
	DefaultLimit = 20_000
	DefaultBytes = 10 << 20
)

const (
	// connectTimeout is how long the brokers have to say which partitions the topic has.
	connectTimeout = 15 * time.Second
	// cycle is the time between two looks at the ends of the partitions.
	cycle = time.Second
	// cycleTimeout is how long one cycle may take.
	cycleTimeout = 30 * time.Second
	// tellInterval is the time between two lines about the progress.
	tellInterval = 10 * time.Second
	// pastSteps is the most parts of a window in the past.
	pastSteps = 300
	// assumedSize is the size of a record while no record has been read: a small one, so that no record
	// is skipped for it.
	assumedSize = 100
)

// Read reads the topic and returns its profile. Where reading all would exceed a limit, it
// reads one block of several in each partition and each step of time. A record of that block then stands
// for as many records as there are blocks, so shares and sizes stay unbiased.
//
// The end of ctx ends the reading. What was read until then is returned, and the notes say so, as
// after an error of the cluster. An error means that there is no profile.
func (t Topic) Read(ctx context.Context) (*Profile, error) {
	t.setDefaults()
	client, err := observe.NewClient(t.Seeds, t.Dial, t.Name, "")
	if err != nil {
		return nil, err
	}
	defer client.Close()
	r := &topicReader{Topic: t, client: client, collector: NewCollector(), random: rand.New(rand.NewPCG(t.Seed, t.Seed))}
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	stopped := r.readPast
	if t.Since == 0 {
		stopped = r.readLive
	}
	return r.conclude(stopped(ctx))
}

func (t *Topic) setDefaults() {
	if t.For == 0 {
		t.For = DefaultFor
	}
	if t.Limit == 0 {
		t.Limit = DefaultLimit
	}
	if t.Bytes == 0 {
		t.Bytes = DefaultBytes
	}
	if t.Tell == nil {
		t.Tell = func(string) {}
	}
}

// topicReader reads a topic in steps of time.
type topicReader struct {
	Topic
	client    *observe.Client
	collector *Collector
	random    *rand.Rand

	partitions int
	begun      time.Time // begun is when the first step began, in real time.
	start, end time.Time // start and end of what was read
	offsets    []int64   // offsets of the partitions at end
	most       uint64    // most is the most blocks of a step
	told       time.Time // told is when progress was told last.
}

// connect finds the partitions.
func (r *topicReader) connect(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	leaders, err := r.client.LeadersOf(within, r.Name)
	if err != nil {
		if within.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w: no broker responds within %v", err, connectTimeout)
		}
		if !errors.As(err, new(*kerr.Error)) {
			err = fmt.Errorf("%w (clusters with TLS or SASL cannot be read yet)", err)
		}
		return fmt.Errorf("topic %s of %v: %w", r.Name, r.Seeds, err)
	}
	if r.partitions = len(leaders); r.partitions == 0 {
		return fmt.Errorf("topic %s has no partitions", r.Name)
	}
	r.Tell(fmt.Sprintf("topic %s has %d partitions; reading at most %d records/s for %v: no group, no commit, no write", r.Name, r.partitions, r.Limit, r.For))
	return nil
}

// readLive reads what is appended from now on. It returns why it stopped early.
func (r *topicReader) readLive(ctx context.Context) (err error) {
	if r.offsets, err = r.client.EndOffsets(ctx, r.Name, r.partitions); err != nil {
		return err
	}
	r.begun = time.Now()
	r.start, r.end = r.begun, r.begun
	last := r.begun.Add(r.For)
	for r.end.Before(last) {
		next := r.end.Add(cycle)
		if next.After(last) {
			next = last
		}
		interrupted := waitUntil(ctx, next)
		if err := r.stepLive(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		if interrupted {
			return context.Cause(ctx)
		}
	}
	return nil
}

// stepLive reads what has come since the last step.
func (r *topicReader) stepLive(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, cycleTimeout)
	defer cancel()
	ends, err := r.client.EndOffsets(within, r.Name, r.partitions)
	if err != nil {
		return err
	}
	now := time.Now()
	return r.readStep(ctx, now, ends, r.blocksOf(ends, now.Sub(r.end)))
}

// readPast reads a window that ends now. It returns why it stopped early.
func (r *topicReader) readPast(ctx context.Context) error {
	now := time.Now()
	r.begun, r.start = now, now.Add(-r.Since).Truncate(time.Millisecond)
	r.end = r.start
	ends, err := r.client.EndOffsets(ctx, r.Name, r.partitions)
	if err != nil {
		return err
	}
	if r.offsets, err = r.client.OffsetsAfter(ctx, r.Name, r.partitions, r.start); err != nil {
		return err
	}
	width := max(cycle, r.Since/pastSteps).Truncate(time.Millisecond)
	for r.end.Before(now) {
		next, to := r.end.Add(width), ends
		if next.Before(now) {
			if to, err = r.client.OffsetsAfter(ctx, r.Name, r.partitions, next); err != nil {
				return err
			}
		} else {
			next = now
		}
		left := max(cycle, r.For-time.Since(r.begun))
		if err := r.readStep(context.WithoutCancel(ctx), next, to, r.blocksOf(ends, left)); err != nil {
			return err
		}
		if waitUntil(ctx, r.begun.Add(r.leastTime())) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// leastTime is how long the records read so far must have taken under the limits.
func (r *topicReader) leastTime() time.Duration {
	read := max(float64(r.collector.read)/float64(r.Limit), float64(r.collector.bytes)/float64(r.Bytes))
	return time.Duration(read * float64(time.Second))
}

// blocksOf is into how many blocks the records up to ends have to be cut, so that one of each can be
// read in this time.
func (r *topicReader) blocksOf(ends []int64, within time.Duration) uint64 {
	waiting := 0.0
	for p, end := range ends {
		waiting += float64(max(0, end-r.offsets[p]))
	}
	size := float64(assumedSize)
	if r.collector.read > 0 {
		size = max(1, float64(r.collector.bytes)/float64(r.collector.read))
	}
	fits := min(float64(r.Limit), float64(r.Bytes)/size) * within.Seconds()
	return max(1, uint64(waiting/max(1, fits)+0.999))
}

// readStep reads one of so many blocks of each partition up to ends, which it had at a time.
func (r *topicReader) readStep(ctx context.Context, at time.Time, ends []int64, blocks uint64) error {
	from, to, weights := make([]int64, len(ends)), make([]int64, len(ends)), make([]uint64, len(ends))
	for p := range ends {
		from[p], to[p], weights[p] = r.chooseBlock(r.offsets[p], ends[p], blocks)
	}
	first, last := r.end.UnixMilli(), at.UnixMilli()-1
	r.end, r.most = at, max(r.most, blocks) // also if not all is read, for then the window ends here
	within, cancel := context.WithTimeout(ctx, cycleTimeout)
	defer cancel()
	err := r.client.ReadRange(within, r.Name, from, to, func(record observe.Record) error {
		// A record was appended in this step, whatever the clock of its producer says.
		stamp := max(first, min(last, record.Time.UnixMilli()))
		size := len(record.Value)
		if record.Value == nil {
			size = -1
		}
		return r.collector.Add(Record{Time: time.UnixMilli(stamp), Partition: int(record.Partition), Key: record.Key, Size: size, Weight: weights[record.Partition]})
	})
	if err != nil {
		return err
	}
	r.offsets = ends
	if now := time.Now(); now.Sub(r.told) >= tellInterval {
		r.told = now
		r.Tell(fmt.Sprintf("%d records read, up to %s", r.collector.read, r.end.Format(time.TimeOnly)))
	}
	return nil
}

// chooseBlock chooses one of the blocks of a range at random, and says for how many its records stand.
// Each offset of the range is in one block.
func (r *topicReader) chooseBlock(start, end int64, blocks uint64) (from, to int64, weight uint64) {
	length := max(0, end-start)
	blocks = max(1, min(blocks, uint64(length)))
	n := int64(r.random.Uint64N(blocks))
	return start + length*n/int64(blocks), start + length*(n+1)/int64(blocks), blocks
}

// conclude makes the profile of what was read.
func (r *topicReader) conclude(stopped error) (*Profile, error) {
	about := About{
		Made: time.Now(), Source: SourceTopic, Topic: r.Name, Start: r.start, End: r.end, Partitions: r.partitions,
		LeastStep: cycle,
	}
	if r.Since > 0 {
		about.LeastStep = max(cycle, r.Since/pastSteps)
	}
	if stopped != nil && !errors.Is(stopped, context.Canceled) {
		about.Notes = append(about.Notes, fmt.Sprintf("reading stopped early: %v", stopped))
	} else if stopped != nil {
		about.Notes = append(about.Notes, "reading was interrupted")
	}
	if r.most > 1 {
		about.Notes = append(about.Notes, fmt.Sprintf("above the limit of %d records/s or %d bytes/s: up to %d in %d records were skipped", r.Limit, r.Bytes, r.most-1, r.most))
	}
	p, err := r.collector.Profile(about)
	switch {
	case errors.Is(err, ErrEmpty) && stopped != nil:
		return nil, fmt.Errorf("topic %s: no record was read: %w", r.Name, stopped)
	case errors.Is(err, ErrEmpty):
		return nil, fmt.Errorf("topic %s: %w of %v: read longer (FOR), or the past (SINCE)", r.Name, err, r.end.Sub(r.start).Round(time.Second))
	}
	return p, err
}

// waitUntil waits for a time, and reports whether ctx ended first.
func waitUntil(ctx context.Context, until time.Time) (interrupted bool) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() != nil
	case <-ctx.Done():
		return true
	}
}
