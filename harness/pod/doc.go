// Package pod runs a consumer as a child process of the harness, so that a
// crash is a real one: SIGKILL, with whatever the process held in memory gone.
//
// The harness owns a [Fleet], the pods of one run. A pod is the harness's own
// binary started again with a [Spec] in its environment; [Main], called first
// of all, turns such a process into a consumer and never returns. There the
// shim stands in for the application's work: it journals the start of each
// attempt, spends the service time and journals the end.
//
// No pod outlives its harness, however that ends. Each holds the read end of a
// pipe whose write end the harness alone has, and exits when it closes; on
// Linux the kernel also kills it with the thread that started it.
package pod
