package consumers_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

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

func failedWorkIsTriedAgainInOrder(w *world, i *harness.Implementation, p harness.Protocol) {
	var mu sync.Mutex
	tries := map[string]int{}
	w.effects.before = func(_ context.Context, _ string, r *harness.Record) error {
		mu.Lock()
		defer mu.Unlock()
		value := string(r.Value)
		if tries[value]++; value[len(value)-1] == '7' && tries[value] < 3 {
			return errors.New("not yet")
		}
		return nil
	}
	w.send(200)
	pod := w.start(i, w.config("a", p))
	w.delivered()
	pod.leave()
	w.committed()
	w.asClaimed(i)
	w.repeats(0)
	w.noGoroutines()
}

// A record that never succeeds holds the watermark: everything else is done, and
// a new pod begins with the record, once the old one has let go of it.
func recordThatKeepsFailingIsNotCommittedPast(w *world, i *harness.Implementation, p harness.Protocol) {
	failing, tries := true, 0
	w.effects.before = func(_ context.Context, _ string, r *harness.Record) error {
		w.effects.mu.Lock()
		defer w.effects.mu.Unlock()
		if failing && string(r.Value) == "17" {
			tries++
			return harness.ErrPoison
		}
		return nil
	}
	w.send(100)
	cfg := w.config("a", p)
	cfg.RevokeTimeout = 100 * time.Millisecond
	a := w.start(i, cfg)
	w.await("the record fails", func(e *effects) bool { return tries > 2 })
	a.leave()
	w.effects.mu.Lock()
	if w.effects.times["17"] != 0 {
		w.Error("the failing record had an effect")
	}
	failing = false
	w.effects.mu.Unlock()
	b := w.start(i, w.config("b", p))
	w.delivered()
	w.committed() // before b leaves: it may be repeating what a had done behind the record
	b.leave()
	w.noGoroutines()
}

func commitsThatFailAreMadeUpFor(w *world, i *harness.Implementation, p harness.Protocol) {
	for _, err := range []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.UnknownServerError, kerr.RequestTimedOut, kerr.RebalanceInProgress} {
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Group: groupName, Err: err, Count: 3})
	}
	w.send(300)
	pod := w.start(i, w.config("a", p))
	w.delivered()
	pod.leave()
	w.committed()
	w.repeats(0)
	w.asClaimed(i)
	w.noGoroutines()
}

// Work that does not end holds a rebalance up for no longer than the drain
// budget; then it is cancelled, and the record is the next owner's.
func stuckWorkIsCancelledAtRevoke(w *world, i *harness.Implementation, p harness.Protocol) {
	release := make(chan struct{})
	var stuck atomic.Bool
	cancelled := 0
	w.effects.before = func(ctx context.Context, pod string, r *harness.Record) error {
		if pod != "a" || !stuck.Load() {
			return nil
		}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			w.effects.mu.Lock()
			defer w.effects.mu.Unlock()
			cancelled++
			return ctx.Err()
		}
	}
	w.send(40)
	cfg := w.config("a", p)
	cfg.RevokeTimeout = 200 * time.Millisecond
	a := w.start(i, cfg)
	w.delivered()
	stuck.Store(true)
	w.send(260)
	w.await("a is stuck", func(e *effects) bool { return e.working() })
	b := w.start(i, w.config("b", p))
	w.await("b takes over", func(e *effects) bool { return e.pods["b"] >= 20 })
	close(release)
	w.delivered()
	w.committed()
	a.leave()
	b.leave()
	w.asClaimed(i)
	if p == harness.Eager && cancelled == 0 {
		w.Error("no work was cancelled although all partitions were revoked")
	}
	w.noGoroutines()
}

// working reports whether an attempt is under way.
func (e *effects) working() bool {
	for _, pods := range e.open {
		if len(pods) > 0 {
			return true
		}
	}
	return false
}

// A pod cut off for longer than the session is expelled; another takes over and
// repeats what was not committed. Back in the network the first finds out, lets
// go and joins again. What it had in hand must not be committed.
func expelledPodLetsGo(w *world, i *harness.Implementation, p harness.Protocol) {
	net := &cable{via: w.dial}
	cfg := w.config("a", p)
	cfg.Dialer = net.dial
	hold := make(chan struct{})
	var held atomic.Bool // never released: with its network back, a may fetch before it learns that it was expelled
	w.effects.before = func(ctx context.Context, pod string, r *harness.Record) error {
		if pod != "a" || !held.Load() {
			return nil
		}
		return stuck(ctx, hold)
	}
	w.send(40)
	a := w.start(i, cfg)
	w.delivered()
	held.Store(true)
	w.send(560)
	w.await("a has work in hand", func(e *effects) bool { return e.working() })
	net.set(w.cluster.ListenAddrs()...)
	b := w.start(i, w.config("b", p))
	w.delivered() // by b, while a holds what it has
	had := w.worked("a")
	net.set()
	w.until(func() bool { return members(w) == 2 }, func() string { return "a does not come back" })
	w.await("a lets go", func(e *effects) bool { return !e.working() })
	close(hold)
	if now := w.worked("a"); now != had {
		w.Errorf("%d effects of records that a had lost", now-had)
	}
	w.send(100)
	w.delivered()
	w.committed()
	a.leave()
	b.leave()
	w.noGoroutines()
}

// A pod learns from the answer to its JoinGroup that the group has expelled it. Kgo's
// cooperative members then join again and go on with their old partitions, although other
// members may have worked on them.
func podExpelledWhileItJoinsReadsOnFromTheCommit(w *world, i *harness.Implementation, p harness.Protocol) {
	if p == harness.Server {
		return // its members send no JoinGroup
	}
	var expelled atomic.Bool
	var first atomic.Pointer[string] // first is the member id of a
	fetched := make(chan int32, 100*partitions)
	w.cluster.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		req := r.(*kmsg.JoinGroupRequest)
		if id := first.Load(); id == nil || req.MemberID != *id || expelled.Swap(true) {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.JoinGroupResponse)
		resp.ErrorCode = kerr.UnknownMemberID.Code
		return resp, nil, true
	})
	w.cluster.ControlKey(int16(kmsg.OffsetFetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		if !expelled.Load() {
			return nil, nil, false
		}
		for _, g := range r.(*kmsg.OffsetFetchRequest).Groups {
			if g.Group != groupName {
				continue // a design may have groups of its own
			}
			for _, t := range g.Topics {
				for _, p := range t.Partitions {
					select {
					case fetched <- p:
					default:
					}
				}
			}
		}
		return nil, nil, false
	})
	w.send(300)
	a := w.start(i, w.config("a", p))
	w.delivered()
	w.committed()
	id := w.cluster.GroupInfo(groupName).Members[0].MemberID
	first.Store(&id)
	b := w.start(i, w.config("b", p)) // a joins again
	w.until(expelled.Load, func() string { return "a does not join again" })
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group, leave.Members = groupName, []kmsg.LeaveGroupRequestMember{{MemberID: id}}
	if _, err := leave.RequestWith(w.Context(), w.producer); err != nil {
		w.Fatal(err)
	}
	all := map[int32]bool{}
	w.until(func() bool {
		for {
			select {
			case p := <-fetched:
				all[p] = true
				continue
			default:
			}
			return len(all) == partitions
		}
	}, func() string { return fmt.Sprintf("the commit was asked for of %v only", all) })
	w.send(300)
	w.delivered()
	w.committed()
	w.asClaimed(i)
	a.leave()
	b.leave()
	w.noGoroutines()
}

func members(w *world) int {
	info := w.cluster.GroupInfo(groupName)
	if info == nil {
		return 0
	}
	return len(info.Members)
}
