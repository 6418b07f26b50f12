package embedded_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestLastPlanOfTwoLeadersIsTheAssignment removes a leader, so that kfake tells
// both other members that they lead. Each assigns the partition to itself. The
// observer must report the one whose plan the group accepted.
func TestLastPlanOfTwoLeadersIsTheAssignment(t *testing.T) {
	c := start(t, 1)
	s := watchGroups(t, c)
	for range 8 { // chance decides which plan comes first and which one kfake accepts
		leader := newRaw(t, c)
		two := []*raw{newRaw(t, c, kgo.ClientID("pod-0.1")), newRaw(t, c, kgo.ClientID("pod-1.1"))}
		both := func(do func(i int, r *raw)) (wait func()) {
			var doing sync.WaitGroup
			for i, r := range two {
				doing.Go(func() { do(i, r) })
			}
			return doing.Wait
		}
		leader.join()
		joined := both(func(_ int, r *raw) { r.join() })
		eventually(t, "both wait", func() bool { return len(c.Kfake().GroupInfo(group).Members) == 3 })
		leader.join()
		joined()
		leader.leave()
		generation := make([]int32, 2)
		both(func(i int, r *raw) { generation[i] = r.join().Generation })()
		got := make([]string, 2)
		both(func(i int, r *raw) {
			mine, err := r.assign(generation[i], map[string][]byte{r.id: everything()})
			if err != nil {
				t.Errorf("sync: %v", err)
			}
			got[i] = string(mine)
		})()
		for i := range two {
			if line := fmt.Sprintf("generation %d of consumers: pod-%d.1 map[source:[0]]", generation[i], i); (got[i] == string(everything())) != (s.count(line) == 1) {
				t.Errorf("%s was told %q, and seen %d times: %s", two[i].id, got[i], s.count(line), line)
			}
		}
		for _, r := range two {
			r.leave()
		}
	}
	if t.Failed() {
		t.Log(strings.Join(s.list(), "\n"))
	}
}

// everything is an assignment of the topic's partition.
func everything() []byte {
	a := kmsg.NewConsumerMemberAssignment()
	t := kmsg.NewConsumerMemberAssignmentTopic()
	t.Topic, t.Partitions = topic, []int32{0}
	a.Topics = append(a.Topics, t)
	return a.AppendTo(nil)
}
