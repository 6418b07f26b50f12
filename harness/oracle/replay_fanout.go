package oracle

import "github.com/stampede-bench/stampede/harness/ledger"

// fanOut hands marked events to observers in a goroutine of their own, beside the
// checks, as copies. It does nothing where there are none.
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
	b := &fanOut{make(chan []ledger.Event, observerLag), make(chan []ledger.Event, observerLag+2), make(chan struct{})}
	for range observerLag + 2 {
		b.free <- nil
	}
	go func() {
		defer close(b.done)
		for events := range b.full {
			for _, o := range observers {
				o.Observe(events)
			}
			b.free <- events
		}
	}()
	return b
}

func (b *fanOut) sendEvents(events []ledger.Event) {
	if b != nil && len(events) > 0 {
		b.full <- append((<-b.free)[:0], events...)
	}
}

// awaitObservers returns when the observers have seen all. Nothing may be observed after it.
func (b *fanOut) awaitObservers() {
	if b != nil {
		close(b.full)
		<-b.done
	}
}
