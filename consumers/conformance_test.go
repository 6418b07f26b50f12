package consumers_test

import (
	"context"
	"flag"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"

	_ "github.com/stampede-bench/stampede/consumers"
	_ "github.com/stampede-bench/stampede/consumers/mutants"
)

// TestMain lets tests of one kind run side by side however few processors there
// are: they wait for sessions and intervals most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// promises is what each registered implementation that fits is held to, under
// each group protocol, on a broker of its own.
var promises = []struct {
	name string
	fits func(*harness.Implementation) bool
	test func(*world, *harness.Implementation, harness.Protocol)
}{
	{"delivers all in order and stops cleanly", every, deliversAllInOrderAndStopsCleanly},
	{"rebalances in mid work", every, rebalancesInMidWork},
	{"failed work is tried again in order", every, failedWorkIsTriedAgainInOrder},
	{"record that keeps failing is not committed past", keepsTrying, recordThatKeepsFailingIsNotCommittedPast},
	{"record that keeps failing becomes a dead letter", givesUp, recordThatKeepsFailingBecomesADeadLetter},
	{"poison becomes a dead letter at once", givesUp, poisonBecomesADeadLetterAtOnce},
	{"stuck work is cancelled once it holds up the window", cancels, stuckWorkIsCancelledOnceItHoldsUpTheWindow},
	{"retry begins when it is due", hasTiers, retryBeginsWhenItIsDue},
	{"record is worked on when it is due", hasLevels, recordIsWorkedOnWhenItIsDue},
	{"record that keeps failing is kept", answersForEach, recordThatKeepsFailingIsKept},
	{"record that keeps failing is not committed past in a transaction", writes, recordThatKeepsFailingIsNotCommittedPast},
	{"stuck work is cancelled at the end", cared, stuckWorkIsCancelledAtTheEnd},
	{"long work keeps its lock", answersForEach, longWorkKeepsItsLock},
	{"lock that is lost is let go", answersForEach, lockThatIsLostIsLetGo},
	{"full group is waited for", answersForEach, fullGroupIsWaitedFor},
	{"stuck work costs its transaction at revoke", writes, stuckWorkCostsItsTransactionAtRevoke},
	{"transaction that the broker ended is made again", writes, transactionThatTheBrokerEndedIsMadeAgain},
	{"transaction left open is settled by who comes back", writes, transactionLeftOpenIsSettledByWhoComesBack},
	{"output that nobody may write ends the consumer", writes, outputThatNobodyMayWriteEndsTheConsumer},
	{"commits that fail are made up for", honest, commitsThatFailAreMadeUpFor},
	{"coordinator gone for a while", honest, coordinatorGoneForAWhile},
	{"all brokers gone for a while", every, allBrokersGoneForAWhile},
	{"stuck work is cancelled at revoke", honest, stuckWorkIsCancelledAtRevoke},
	{"expelled pod lets go", honest, expelledPodLetsGo},
	{"works on all partitions of a backlog at once", byPartitions, worksOnAllPartitionsOfABacklogAtOnce},
	{"pod expelled while it joins reads on from the commit", honestAndPlain, podExpelledWhileItJoinsReadsOnFromTheCommit},
	{"late join of an expelled member does not end its pod", honest, lateJoinOfAnExpelledMemberDoesNotEndItsPod},
}

// TestConformance has sockets and the clock of the machine. A promise and a design meet
// under one protocol, which changes from one to the next: all of them would take seven
// minutes, and TestConformanceInVirtualTime has them all. STAMPEDE_CONFORMANCE=all runs all.
func TestConformance(t *testing.T) {
	lock.Machine(t)
	stalls := watchStalls(t)
	for n, promise := range promises {
		t.Run(promise.name, func(t *testing.T) {
			t.Parallel()
			for m, i := range harness.Implementations() {
				if !promise.fits(i) {
					continue
				}
				protocols := harness.Protocols
				switch {
				case i.Share:
					protocols = protocols[:1] // they mean nothing to it
				case os.Getenv("STAMPEDE_CONFORMANCE") != "all":
					protocols = protocols[(n+m)%len(protocols):][:1]
				}
				for _, p := range protocols {
					t.Run(i.Name+"@"+string(p), func(t *testing.T) {
						t.Parallel()
						promise.test(newWorld(t, stalls), i, p)
					})
				}
			}
		})
	}
}

// every has those too that commit no low watermark of their work: members of share groups,
// which answer for each record, and those whose effects are what a transaction has written.
func every(i *harness.Implementation) bool { return !i.Mutant }

// cared has every one but the controls, which drop what is in hand.
func cared(i *harness.Implementation) bool { return every(i) && !i.Control() }

func all(i *harness.Implementation) bool {
	return every(i) && !i.Share && i.Effect == harness.EffectWork
}

// honest leaves out the controls, which are there to break their claims.
func honest(i *harness.Implementation) bool { return all(i) && !i.Control() }

// honestAndPlain has the consumer too that most mutants are made of.
func honestAndPlain(i *harness.Implementation) bool { return honest(i) || i.Name == "plain-queues" }

// byPartitions has the designs that need a record of each partition to be busy.
func byPartitions(i *harness.Implementation) bool { return i.Name == "partition" }

// givesUp has the designs with a topic for dead letters.
func givesUp(i *harness.Implementation) bool {
	return honest(i) && len(sidesOf(i, harness.RoleDeadLetter)) > 0
}

// keepsTrying has those without, in which a record is tried until it has its effect.
func keepsTrying(i *harness.Implementation) bool { return honest(i) && !givesUp(i) }

// cancels has the design that gives up what holds up the window.
func cancels(i *harness.Implementation) bool { return i.Name == "hol-cancel" }

// hasTiers has the design whose retry topics have a delay each.
func hasTiers(i *harness.Implementation) bool { return i.Name == "retry-dlq" }

// hasLevels has the design whose delay topics have a delay each.
func hasLevels(i *harness.Implementation) bool { return i.Name == "delay" }

// sidesOf are the topics of a role that an implementation has with its default knobs.
func sidesOf(i *harness.Implementation, role harness.Role) (names []string) {
	for _, s := range i.SideTopicsOf(harness.Config{Knobs: defaults(i)}) {
		if s.Role == role {
			names = append(names, sideName(s.Name))
		}
	}
	return names
}

// worksOnAllPartitionsOfABacklogAtOnce: a client hands out the backlog of one
// partition before that of the next, and all of the window could be of one.
func worksOnAllPartitionsOfABacklogAtOnce(w *world, i *harness.Implementation, p harness.Protocol) {
	var mu sync.Mutex
	seen := map[int32]bool{}
	all := make(chan struct{})
	w.effects.before = func(ctx context.Context, _ string, r *harness.Record) error {
		mu.Lock()
		if seen[r.Partition] = true; len(seen) == partitions {
			seen[-1] = true
			close(all)
		}
		mu.Unlock()
		return stuck(ctx, all)
	}
	w.send(4000)
	a := w.start(i, w.config("a", p))
	w.delivered()
	w.committed()
	a.leave()
	w.asClaimed(i)
	w.repeats(0)
	w.noGoroutines()
}

func deliversAllInOrderAndStopsCleanly(w *world, i *harness.Implementation, p harness.Protocol) {
	w.send(300)
	pod := w.start(i, w.config("a", p))
	w.await("first effect", func(e *effects) bool { return len(e.times) > 0 })
	w.send(300)
	w.delivered()
	pod.leave()
	w.committed()
	w.asClaimed(i)
	w.written(i)
	w.repeats(0)
	w.pollsTold()
	w.noGoroutines()
}

// Two pods join and leave while records come and work takes its time. All are
// delivered. No pod crashes, so no record is delivered twice or out of order.
func rebalancesInMidWork(w *world, i *harness.Implementation, p harness.Protocol) {
	w.effects.before = slow(3 * time.Millisecond)
	end := w.stream()
	by := func(pod string, n int) func(*effects) bool { return func(e *effects) bool { return e.pods[pod] >= n } }
	a := w.start(i, w.config("a", p))
	w.await("a works", by("a", 100))
	b := w.start(i, w.config("b", p))
	w.await("b works", by("b", 100))
	if p == harness.Static && !i.Share { // a static member says no goodbye
		w.members(2)
	}
	a.leave()
	had := w.worked("b")
	w.await("b works alone", by("b", had+100))
	c := w.start(i, w.config("c", p))
	w.await("c works", by("c", 100))
	end()
	w.delivered()
	c.leave()
	b.leave()
	if i.Effect == harness.EffectWork { // else the last transaction may have been aborted by the rebalance that came with b's leaving
		w.committed()
	}
	w.asClaimed(i)
	if honest(i) {
		w.repeats(0)
	}
	w.noGoroutines()
}

// slow is work that takes up to a time.
func slow(most time.Duration) func(context.Context, string, *harness.Record) error {
	return func(ctx context.Context, _ string, r *harness.Record) error {
		select {
		case <-time.After(most * time.Duration(r.Offset%4+1) / 4):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// worked is the number of effects of a pod so far.
func (w *world) worked(pod string) int {
	w.effects.mu.Lock()
	defer w.effects.mu.Unlock()
	return w.effects.pods[pod]
}

// stream sends records all the time, as long as not too many are open, until
// the function it returns is called.
func (w *world) stream() (end func()) {
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			w.send(40)
			w.effects.mu.Lock()
			for w.sent-len(w.effects.times) > 200 && ctx.Err() == nil {
				w.effects.changed.Wait()
			}
			w.effects.mu.Unlock()
		}
	}()
	end = func() {
		cancel()
		w.effects.changed.Broadcast()
		<-done
	}
	w.Cleanup(end)
	return end
}
