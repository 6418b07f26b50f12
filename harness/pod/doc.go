// Package pod runs the consumer under test as pods that really crash.
//
// # Pods as processes
//
// A [Fleet] is the pods of one run. Each pod is a child process: the harness
// starts its own binary again, with a [Spec] in the environment variable [Env].
// [Main] must be called first of all. It turns such a process into a consumer
// and never returns there. A crash is a real SIGKILL, and all that the process
// held in memory is lost.
//
// In the pod the shim stands in for the application's work. It journals the
// start of each attempt, spends the service time and journals the end.
//
// A pod has a process group of its own, so that a fault reaches its children too. On
// Linux a child may leave that group, its session and its environment: all processes of
// a pod have a mark (mark.go), and end with it. The result names those that the harness
// cannot end.
//
// No pod outlives its harness. Each pod holds one end of a pair of sockets, its lifeline,
// whose other end only the harness has. The pod exits at the end of file. Messages on the
// lifeline say when the load starts, and let an attempt wait at a point of its work
// (lifeline.go). On Linux the kernel also kills the pod when the
// thread that started it ends (Pdeathsig), so one thread lives as long as the fleet.
// The children of its consumer outlive a killed harness: the next start ends them
// ([EndOrphans]).
//
// Peak memory is VmHWM, sampled from /proc; CPU time is from rusage. Linux is supported.
// On macOS the package compiles, and pods of the embedded broker run.
//
// Of what a pod prints, the head and the tail are kept. The cause of its end is looked for
// in all of it (cause.go): the message of a panic may be far from both. A consumer can
// close descriptors of the harness; what fails then is the consumer's fault, not the
// harness's.
//
// # Pods in virtual time
//
// The broker "virtual" makes each run in a bubble of [testing/synctest]: the
// whole harness, kfake on a network in memory, and pods that are goroutines.
// Then a [Local] takes the place of the Fleet. Time passes only while all
// goroutines wait, and then at once. franz-go needs the build tag synctests for
// that: with it, it waits on channels in place of mutexes.
//
// Virtual time models every wait: service times, sessions, heartbeats, commit
// intervals, elections, backoffs. It does not model CPU time, the delay of the
// network, a disk, or a client that is not written in Go (see
// [harness.Implementation].RealTime). The order of events within one instant
// differs from run to run, so a seed does not replay a run.
//
// Goroutines cannot be killed, so the harness makes the crash from outside
// (goroutine.go). In one step the journal closes, all connections are cut and
// new ones are refused. Work in flight then ends without an effect, and its
// attempt stays open, as after SIGKILL. The rest of the consumer finds every
// call failing and its context ended. A goroutine that calls the work again and
// again is ended. The consumer has five virtual minutes to return; then the run
// is an error that names the pod and shows where its goroutines wait.
//
// A pause holds the work, reads and writes at the same places. The timers of the
// client go on inside, unlike those of a stopped process. A panic of the work
// ends the pod, even where the consumer would recover it. A panic outside the
// goroutine of Consume and outside the work ends the test binary.
//
// Code that runs in virtual time holds no mutex across a wait. It waits for no channel or
// context made outside the bubble. It uses one clock, [ledger.NewVirtualClock].
package pod
