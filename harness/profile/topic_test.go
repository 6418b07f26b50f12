package profile

import (
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/lock"
)

// In real time and over TCP, with the producer of a run.
func TestAReplayedTopicHasTheProfileOfItsModelInRealTime(t *testing.T) {
	lock.Machine(t)
	c, err := embedded.Backend{}.Start(t.Context(), harness.ClusterSpec{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	p := newProduction(t, c, 12)
	defer p.client.Close()
	made := usualTopic
	made.seconds = 20
	checkReplay(t, p, made, t.TempDir())
}
