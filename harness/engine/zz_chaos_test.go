//go:build synctests

package engine_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

func TestZZChaos(t *testing.T) {
	from, _ := strconv.Atoi(os.Getenv("FROM"))
	n, _ := strconv.Atoi(os.Getenv("N"))
	stat := map[string]int{}
	for seed := from; seed < from+n; seed++ {
		for _, c := range []string{"keyed", "serial"} {
			for _, p := range harness.Protocols {
				s := harness.Scenario{
					Name: "chaos", Load: harness.Load{Pacer: load.Constant{Rate: 60, For: 60 * time.Second}, Keys: load.Uniform{N: 100}},
					Service: load.Fixed(20 * time.Millisecond), Partitions: 12, Pods: 4, Spare: 2, Workers: 8, Session: 6 * time.Second,
				}
				s.Injections = fault.Chaos{From: 3 * time.Second, To: 60 * time.Second, Session: 6 * time.Second, Pods: 4, Spare: 2, Brokers: true}.Injections(uint64(seed))
				r, err := bench.Virtual(t, s, c+"@"+string(p), uint64(seed))
				if err != nil {
					t.Errorf("seed %d %s@%s: %v", seed, c, p, err)
					continue
				}
				stat[string(r.Status)]++
				if r.Status != harness.Pass {
					fmt.Printf("seed %d %s@%s: %s %v %d rebalances\n", seed, c, p, r.Status, r.Reasons, r.Rebalances)
					for _, v := range r.Verdicts {
						if v.Status == harness.Fail {
							for _, e := range v.Examples[:1] {
								fmt.Printf("   %s: p%d@%d key %d seq %d %v at %v: %s\n", v.Check, e.Partition, e.Offset, e.Key, e.Seq, e.Pods, e.At, e.Text)
							}
						}
					}
				}
			}
		}
	}
	fmt.Println(stat)
}
