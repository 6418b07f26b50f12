package oracle

import "github.com/stampede-bench/stampede/harness/ledger"

// fanOut hands copies of the marked events to observers, in a goroutine of its own. It is nil without
// observers, and does nothing then.
type fanOut struct {
	full, free chan []ledger.Event
	done       chan struct{}
}

// observerLag is how many lists of events the observers may be behind.
const observerLag = 16

func newFanOut(observers []Observer) *fanOut {
	if len(observers) == 0 {
		return nil
	}
	f := &fanOut{make(chan []ledger.Event, observerLag), make(chan []ledger.Event, observerLag+2), make(chan struct{})}
	for range observerLag + 2 {
		f.free <- nil
	}
	go func() {
		defer close(f.done)
		for events := range f.full {
			for _, o := range observers {
				o.Observe(events)
			}
			f.free <- events
		}
	}()
	return f
}

func (f *fanOut) sendEvents(events []ledger.Event) {
	if f != nil && len(events) > 0 {
		f.full <- append((<-f.free)[:0], events...)
	}
}

// awaitObservers returns when the observers have seen all events. No event may be sent after it.
func (f *fanOut) awaitObservers() {
	if f != nil {
		close(f.full)
		<-f.done
	}
}
