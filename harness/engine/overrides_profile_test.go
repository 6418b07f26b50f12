package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/profile"
)

// The load of a profile takes the place of the scenario's. Other flags override it.
func TestOverridesTakeTheLoadOfAProfile(t *testing.T) {
	collector := profile.NewCollector()
	start := time.UnixMilli(1_700_000_000_000)
	for i := range 4000 {
		err := collector.Add(profile.Record{Time: start.Add(time.Duration(i) * 5 * time.Millisecond), Partition: i % 8, Key: []byte{byte(i % 97)}, Size: 100 + i%50})
		if err != nil {
			t.Fatal(err)
		}
	}
	p, err := collector.Profile(profile.About{Topic: "orders", Start: start, End: start.Add(20 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	replay, err := profile.NewReplay(p, 2)
	if err != nil {
		t.Fatal(err)
	}
	s := harness.Scenario{Name: "x", Load: harness.Load{Pacer: load.Constant{Rate: 1, For: time.Second}, Keys: load.Uniform{N: 1}, Payload: 77}, Service: load.Fixed(1), Partitions: 3}
	for name, c := range map[string]struct {
		over       Overrides
		records    uint64
		length     time.Duration
		keys       string
		payload    int
		partitions int
	}{
		"as it is":       {Overrides{}, 8000, 20 * time.Second, "profile: 97 keys", 125, 8},
		"another rate":   {Overrides{Rate: 100}, 2000, 20 * time.Second, "profile: 97 keys", 125, 8},
		"a shorter time": {Overrides{Duration: 5 * time.Second}, 2000, 5 * time.Second, "profile: 97 keys", 125, 8},
		"other keys":     {Overrides{Keys: "uniform:5"}, 8000, 20 * time.Second, "uniform:5", 125, 8},
		"one length":     {Overrides{Payload: 300}, 8000, 20 * time.Second, "profile: 97 keys", 300, 8},
		"partitions":     {Overrides{Partitions: 30}, 8000, 20 * time.Second, "profile: 97 keys", 125, 30},
	} {
		c.over.Profile = replay
		got, err := c.over.Apply(s)
		if err != nil {
			t.Fatal(name, err)
		}
		records, _, last := load.Extent(got.Load.Pacer)
		info := Info(got)
		if records != c.records || last > c.length || last < c.length-100*time.Millisecond || !strings.HasPrefix(info.Keys, c.keys) ||
			info.Payload != c.payload || info.Partitions != c.partitions || !strings.Contains(info.Profile, "orders, 20s") || !strings.Contains(info.Profile, "rate x2") {
			t.Errorf("%s: %d records until %v, %+v", name, records, last, info)
		}
	}
}
