package pod

import "time"

// instance is one incarnation of a pod while it runs: a process, or goroutines.
type instance interface {
	requestStop()               // requestStop is SIGTERM. It also ends a pause.
	killUnresponsive()          // killUnresponsive kills an instance that did not stop on request.
	killNow()                   // killNow is SIGKILL.
	allowEnd()                  // allowEnd makes its end an intended one.
	announceLoad(at int64)      // announceLoad passes on [Spec.LoadStart].
	endSignal() <-chan struct{} // endSignal is closed when the instance has ended.

	// The caller of these holds the mutex of the pods:
	isAlive() bool
	currentRecord() Incarnation
	usedResources() (cpu time.Duration, memory int64)
}
