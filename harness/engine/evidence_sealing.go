package engine

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// sealing seals the journals of all pods, which have ended, during the final read.
type sealing struct {
	done   chan struct{}
	sealed map[string]ledger.Sealing // sealed is by the name of the file.
	err    error
}

// startSealing seals in a goroutine, which has ended when the run closes.
func (s *setup) startSealing() *sealing {
	b := &sealing{done: make(chan struct{}), sealed: map[string]ledger.Sealing{}}
	incarnations := s.fleet.Incarnations()
	go func() {
		defer close(b.done)
		for _, in := range incarnations {
			found, err := ledger.Seal(in.Journal)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if b.sealed[filepath.Base(in.Journal)], b.err = found, err; err != nil {
				return
			}
		}
	}()
	s.closers.addCloser(func() error { <-b.done; return nil })
	return b
}

// sealJournal seals a journal, unless it is sealed, and returns what was found in it.
func (b *sealing) sealJournal(path string) (ledger.Sealing, error) {
	<-b.done
	if b.err != nil {
		return ledger.Sealing{}, b.err
	}
	if found, ok := b.sealed[filepath.Base(path)]; ok {
		return found, nil
	}
	return ledger.Seal(path)
}
