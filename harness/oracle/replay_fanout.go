package oracle

import "github.com/stampede-bench/stampede/harness/ledger"

// fanOut hands the lists of marked events to observers, in a goroutine of its own. It is nil without observers.
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
		f.free <- newEventList()
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

func newEventList() []ledger.Event { return make([]ledger.Event, 0, ledger.BatchSize) }

// exchangeList gives a list to the observers, which must not be touched any more, and returns one for the next
// events. Without observers it is the same.
func (f *fanOut) exchangeList(events []ledger.Event) []ledger.Event {
	switch {
	case events == nil && f == nil:
		return newEventList()
	case f == nil:
		return events
	case len(events) > 0:
		f.full <- events
	}
	return <-f.free
}

// awaitObservers returns when the observers have seen all events. No event may be sent after it.
func (f *fanOut) awaitObservers() {
	if f != nil {
		close(f.full)
		<-f.done
	}
}
