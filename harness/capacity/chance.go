package capacity

import (
	"math/rand/v2"
	"slices"
)

// chance is the load of the fullest unit where each run draws it again.
type chance struct {
	usual UnitLoad // usual is the median of the draws.
	least UnitLoad // least and most are the lowest draw and the highest.
	most  UnitLoad
}

func certainly(u UnitLoad) chance { return chance{u, u, u} }

const (
	fewestDraws, mostDraws = 9, 101
	drawBudget             = 1 << 23 // drawBudget is how many keys all draws together place.
)

// drawFullestPods deals the partitions to the pods again and again, as evenly as a group does:
// the numbers of partitions of two pods differ by one at most. Which of them share a pod depends
// on the assignor and on the order in which members join.
func (y *System) drawFullestPods() chance {
	loads := make([]UnitLoad, y.activePods())
	return y.drawFullest(mostDraws, func(r *rand.Rand) UnitLoad {
		clear(loads)
		for p, pod := range y.dealPartitions(r) {
			loads[pod].add(y.Shape.Partitions[p])
		}
		return heaviest(loads)
	})
}

// drawFullestQueues in addition gives each key a queue of its pod, by a hash that each pod
// draws.
func (y *System) drawFullestQueues() chance {
	queues := y.Design.Serial.Queues
	loads := make([]UnitLoad, y.activePods()*queues)
	draws := min(max(drawBudget/max(1, len(y.Shape.Keys)), fewestDraws), mostDraws)
	return y.drawFullest(draws, func(r *rand.Rand) UnitLoad {
		clear(loads)
		pods := y.dealPartitions(r)
		for _, k := range y.Shape.Keys {
			loads[pods[k.Partition]*queues+r.IntN(queues)].add(k.UnitLoad)
		}
		return heaviest(loads)
	})
}

// drawFullest makes the draws. They are the same for the same seed.
func (y *System) drawFullest(draws int, draw func(*rand.Rand) UnitLoad) chance {
	r := rand.New(rand.NewPCG(y.Seed, 0))
	all := make([]UnitLoad, draws)
	for i := range all {
		all[i] = draw(r)
	}
	slices.SortFunc(all, UnitLoad.compare)
	return chance{all[draws/2], all[0], all[draws-1]}
}

// dealPartitions is the pod of each partition.
func (y *System) dealPartitions(r *rand.Rand) []int {
	pods := make([]int, len(y.Shape.Partitions))
	for i, p := range r.Perm(len(pods)) {
		pods[p] = i % y.activePods()
	}
	return pods
}

func heaviest(loads []UnitLoad) UnitLoad { return slices.MaxFunc(loads, UnitLoad.compare) }
