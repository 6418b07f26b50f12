package oracle

import "github.com/stampede-bench/stampede/harness/ledger"

// beside hands marked events to observers in a goroutine of their own, beside the
// checks, as copies. It does nothing where there are none.
type beside struct {
	full, free chan []ledger.Event
	done       chan struct{}
}

// lead is how many lists of events the observers may be behind.
const lead = 16

func newBeside(observers []Observer) *beside {
	if len(observers) == 0 {
		return nil
	}
	b := &beside{make(chan []ledger.Event, lead), make(chan []ledger.Event, lead+2), make(chan struct{})}
	for range lead + 2 {
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

func (b *beside) observe(events []ledger.Event) {
	if b != nil && len(events) > 0 {
		b.full <- append((<-b.free)[:0], events...)
	}
}

// wait returns when the observers have seen all. Nothing may be observed after it.
func (b *beside) wait() {
	if b != nil {
		close(b.full)
		<-b.done
	}
}
