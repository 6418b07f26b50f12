//go:build synctests

package profile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
)

// inProduction runs a test in a bubble with a cluster that has the topic orders.
func inProduction(t *testing.T, partitions int32, fn func(t *testing.T, p *production, cluster *virtual.Cluster)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c, err := virtual.Backend{}.Start(t.Context(), harness.ClusterSpec{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}()
		p := newProduction(t, c, partitions)
		defer p.client.Close()
		fn(t, p, c.(*virtual.Cluster))
	})
}

// traces are what a reader may leave behind: groups and topics. Without a group there are no commits.
func (p *production) traces(t *testing.T) string {
	t.Helper()
	groups, err := p.admin.ListGroups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	topics, err := p.admin.ListTopicsWithInternal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint("groups ", groups.Groups(), ", topics ", topics.Names())
}

// watchRequests returns the kinds of requests from now on.
func watchRequests(cluster *virtual.Cluster) (kinds func() []string) {
	var mu sync.Mutex
	seen := map[string]bool{}
	cluster.Kfake().Control(func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.Kfake().KeepControl()
		mu.Lock()
		defer mu.Unlock()
		seen[kmsg.NameForKey(r.Key())] = true
		return nil, nil, false
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Sorted(maps.Keys(seen))
	}
}

func TestALiveTopicIsProfiledAndNothingStaysBehind(t *testing.T) {
	inProduction(t, 12, func(t *testing.T, p *production, _ *virtual.Cluster) {
		made := usualTopic
		before := p.traces(t)
		sent := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { sent <- p.produce(ctx, made, false) }()
		topic := p.topic()
		topic.For = 60 * time.Second
		got, err := topic.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		<-sent
		if after := p.traces(t); after != before {
			t.Errorf("it left traces: %s; before: %s", after, before)
		}
		want, err := made.profile()
		if err != nil {
			t.Fatal(err)
		}
		if found := differences(want, got, 1); len(found) > 0 {
			t.Errorf("the profile differs from the topic:\n%s", strings.Join(found, "\n"))
		}
		if got.Reading.Skipped != 0 || got.Reading.Records < want.Records*99/100 || got.Length != time.Minute || got.Topic != "orders" {
			t.Errorf("%+v of %d records, in %v", got.Reading, want.Records, got.Length)
		}
	})
}

// Above the limit blocks of records stand for others, and shares, sizes and rates stay as they are.
func TestSkippedRecordsLeaveTheEstimatesUnbiased(t *testing.T) {
	inProduction(t, 12, func(t *testing.T, p *production, cluster *virtual.Cluster) {
		made := usualTopic
		made.start = time.Now().Add(-time.Hour).Truncate(time.Second)
		if err := p.produce(t.Context(), made, true); err != nil {
			t.Fatal(err)
		}
		want, err := made.profile()
		if err != nil {
			t.Fatal(err)
		}
		topic := p.topic()
		topic.Limit, topic.For, topic.Since, topic.Seed = 200, 30*time.Second, time.Since(made.start), 3
		begun, kinds := time.Now(), watchRequests(cluster)
		got, err := topic.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if sent := kinds(); !slices.Equal(sent, []string{"ApiVersions", "Fetch", "ListOffsets", "Metadata"}) {
			t.Errorf("it sent %v, which are more kinds of requests than reading needs", sent)
		}
		if got.Reading.Records > 7500 || got.Reading.Skipped < want.Records/2 || time.Since(begun) > 45*time.Second {
			t.Errorf("%+v of %d records in %v, at a limit of 200/s for 30 s", got.Reading, want.Records, time.Since(begun))
		}
		if math.Abs(float64(got.Records)-float64(want.Records)) > 0.01*float64(want.Records) {
			t.Errorf("%d records, want about %d", got.Records, want.Records)
		}
		if a, b := got.Sizes, want.Sizes; math.Abs(a.Mean-b.Mean) > 2*a.MeanError {
			t.Errorf("values of %v ± %v bytes, want %v", a.Mean, a.MeanError, b.Mean)
		}
		for i := range 10 {
			if a, b := got.Keys.Top[i], want.Keys.Top[i]; math.Abs(a.Share-b.Share) > 2*a.Error {
				t.Errorf("rank %d has %v ± %v, want %v", i+1, a.Share, a.Error, b.Share)
			}
		}
		if notes := strings.Join(got.Notes, "; "); !strings.Contains(notes, "records were skipped") {
			t.Errorf("the notes do not say that records were skipped: %s", notes)
		}
	})
}

func TestAnInterruptedReadingIsKept(t *testing.T) {
	inProduction(t, 3, func(t *testing.T, p *production, _ *virtual.Cluster) {
		made := usualTopic
		made.partitions, made.base = 3, 100
		producing, stop := context.WithCancel(t.Context())
		sent := make(chan error, 1)
		go func() { sent <- p.produce(producing, made, false) }()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(4500*time.Millisecond, cancel)
		got, err := p.topic().Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got.Length.Round(100*time.Millisecond) != 4500*time.Millisecond || got.Records < 300 || !strings.Contains(strings.Join(got.Notes, ";"), "reading was interrupted") {
			t.Errorf("%d records in %v; %v", got.Records, got.Length, got.Notes)
		}
		stop()
		<-sent
	})
}

func TestTopicsThatCannotBeReadAreRefused(t *testing.T) {
	inProduction(t, 3, func(t *testing.T, p *production, _ *virtual.Cluster) {
		before := p.traces(t)
		for name, c := range map[string]struct {
			change func(*Topic)
			want   string
		}{
			"an empty topic":   {func(*Topic) {}, "no record in the window of 1m0s: read longer (FOR), or the past (SINCE)"},
			"an empty past":    {func(t *Topic) { t.Since = time.Hour }, "no record in the window of 1h0m0s"},
			"an unknown topic": {func(t *Topic) { t.Name = "none" }, "UNKNOWN_TOPIC_OR_PARTITION"},
			"no broker": {func(t *Topic) {
				t.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
			}, "connection refused"},
			"a silent broker": {func(t *Topic) {
				t.Dial = func(context.Context, string, string) (net.Conn, error) {
					near, far := net.Pipe()
					go func() {
						buffer := make([]byte, 1024)
						for {
							if _, err := far.Read(buffer); err != nil {
								return
							}
						}
					}()
					return near, nil
				}
			}, "no broker responds within 15s"},
		} {
			topic := p.topic()
			c.change(&topic)
			begun := time.Now()
			_, err := topic.Read(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want an error that says %q", name, err, c.want)
			}
			if took := time.Since(begun); took > 2*time.Minute {
				t.Errorf("%s took %v", name, took)
			}
		}
		if after := p.traces(t); after != before {
			t.Errorf("it left traces: %s; before: %s", after, before)
		}
	})
}

func TestAReplayedTopicHasTheProfileOfItsModel(t *testing.T) {
	dir := t.TempDir()
	inProduction(t, 12, func(t *testing.T, p *production, _ *virtual.Cluster) { checkReplay(t, p, usualTopic, dir) })
}
