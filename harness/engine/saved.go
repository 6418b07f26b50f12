package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// ErrNoLedger is the error of [OpenSaved] where no ledger was saved.
var ErrNoLedger = errors.New("no saved ledger")

// Saved is the ledger of a run: its journals in one folder, and all that the
// judge knows beside them. The folder can be moved and judged again at any time.
type Saved struct {
	Version  int               `json:"version"`
	Scenario string            `json:"scenario"`
	Consumer string            `json:"consumer"`
	Backend  string            `json:"backend"`
	Repeat   int               `json:"repeat"`
	Seed     uint64            `json:"seed"`
	Command  string            `json:"command,omitempty"` // Command repeats the run.
	Settings []harness.Setting `json:"settings,omitempty"`

	Epoch    int64          `json:"epoch_ns"` // Epoch is the start of the load, ns on CLOCK_MONOTONIC.
	Journals []SavedJournal `json:"journals"`
	Unbegun  []string       `json:"unbegun,omitempty"` // Unbegun are the incarnations that left no journal.
	Facts    oracle.Facts   `json:"facts"`

	// What became of the run itself, as in [harness.Run]. Judged again the checks come
	// out the same; the rest is taken from here.
	Status      harness.Status       `json:"status"`
	Reasons     []string             `json:"reasons,omitempty"`
	Expected    bool                 `json:"expected"`
	Unmet       string               `json:"unmet,omitempty"` // Unmet is the threshold that the run did not meet.
	Assumptions []harness.Assumption `json:"assumptions"`
	Verdicts    []harness.Verdict    `json:"verdicts"` // Verdicts begin with that on the pods themselves, which no journal has.

	Digest string `json:"digest,omitempty"` // Digest is of all above, see signature.

	dir  string
	torn bool // torn: the end of a journal is missing
}

// SavedJournal is one journal of a saved ledger.
type SavedJournal struct {
	File   string `json:"file"`
	Slots  int64  `json:"slots"`
	Digest string `json:"digest"`         // Digest is that of [ledger.Reader.Digest].
	Torn   int64  `json:"torn,omitempty"` // Torn is how many of them its writer had begun and not written when it was killed.
	Reaped int64  `json:"reaped_ns"`      // Reaped is when its writer ended, ns on CLOCK_MONOTONIC.
}

// OpenSaved reads the manifest of a ledger saved in dir and looks whether its
// journals are whole: what is missing at their ends breaks the assumption that
// the ledger is complete, so that nothing is judged by it.
func OpenSaved(dir string) (*Saved, error) {
	s, err := openManifest(dir)
	if err != nil {
		return nil, err
	}
	for _, j := range s.Journals {
		if err := s.whole(j); err != nil {
			return nil, s.damaged(err)
		}
	}
	return s, nil
}

// whole compares a journal with what the manifest says of it. One that a kill or a
// full disk cut short has no seal; one that has another seal is another.
func (s *Saved) whole(j SavedJournal) error {
	r, err := ledger.Open(s.path(j))
	if err != nil {
		return err
	}
	defer r.Close()
	switch {
	case r.Sealed() && r.Digest() == j.Digest:
		return nil
	case r.Sealed():
		return fmt.Errorf("journal %s is not the one that the run left: %w", j.File, ledger.ErrCorrupt)
	case r.Len() > j.Slots:
		return fmt.Errorf("journal %s: %d slots, the manifest says %d: %w", j.File, r.Len(), j.Slots, ledger.ErrCorrupt)
	}
	if s.Facts.Broken == nil {
		s.Facts.Broken = map[string]string{}
	}
	s.torn = true
	s.Facts.Broken[ledgerComplete] = fmt.Sprintf("the end of journal %s is torn off: %d of %d slots are missing", j.File, j.Slots-r.Len(), j.Slots)
	return nil
}

// damaged says of an error what to do about it.
func (s *Saved) damaged(err error) error {
	err = fmt.Errorf("saved ledger %s: %w: the ledger is damaged; make a new run", s.dir, err)
	if s.Command != "" {
		err = fmt.Errorf("%w: %s", err, s.Command)
	}
	return err
}

func (s *Saved) path(j SavedJournal) string { return filepath.Join(s.dir, j.File) }

// look replays the ledger for the checks and for observers, the final read first.
func (s *Saved) look(observers ...oracle.Observer) (f *oracle.Facts, found *oracle.Found, err error) {
	facts := s.Facts
	if facts.Log, err = s.log(); err != nil {
		return nil, nil, err
	}
	err = s.replay(func(stream *ledger.Stream) (err error) {
		found, err = oracle.Judge(&facts, stream, observers...)
		return err
	})
	return &facts, found, err
}

// settle makes verdicts of what was found, by the assumptions of s.Facts as they are
// now, and replays the ledger once more for the stories of what went wrong. A figure
// of what the consumer does not claim has a story only beside those.
func (s *Saved) settle(f *oracle.Facts, found *oracle.Found) ([]harness.Verdict, error) {
	verdicts := found.Settle(s.Facts.Broken)
	if err := oracle.NameRecords(verdicts, func(fn func(*ledger.Slot)) error {
		return s.landed(func(r *ledger.Reader) error { return r.Each(fn) })
	}); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(verdicts, func(v harness.Verdict) bool { return len(v.Examples) > 0 && v.Status != harness.NotJudged }) {
		return verdicts, nil
	}
	err := s.replay(func(stream *ledger.Stream) error { return oracle.AddTimelines(f, stream, verdicts) })
	return verdicts, err
}

func (s *Saved) replay(fn func(*ledger.Stream) error) error {
	var files []ledger.File
	for _, j := range s.Journals {
		if j.File != landedJournal {
			files = append(files, ledger.File{Path: s.path(j), Reaped: j.Reaped})
		}
	}
	stream, err := ledger.NewStream(s.Epoch, files...)
	if err != nil {
		return err
	}
	defer stream.Close()
	return fn(stream)
}

// log builds the oracle's view of the final read: copies first, since the source
// tells where they come from.
func (s *Saved) log() (*oracle.Log, error) {
	log := oracle.NewLog()
	add := func(r *ledger.Reader) error { return r.Blocks(log.AddAll) }
	for _, j := range s.Journals {
		if j.File == copiesJournal {
			if err := read(s.path(j), add); err != nil {
				return nil, err
			}
		}
	}
	return log, s.landed(add)
}

// landed opens the final read of the source for fn.
func (s *Saved) landed(fn func(*ledger.Reader) error) error {
	for _, j := range s.Journals {
		if j.File == landedJournal {
			if err := read(s.path(j), fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// read opens a journal for fn.
func read(path string, fn func(*ledger.Reader) error) error {
	reader, err := ledger.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(fn(reader), reader.Close())
}

// saveTo makes a folder of the ledger, in place of what it had. Where it cannot,
// nothing is in the folder; the ledger stays where it is in any case.
func (s *Saved) saveTo(dir string) error {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return fmt.Errorf("keep ledger: %w", err)
	}
	err := s.writeManifest(dir)
	for _, j := range s.Journals {
		if err == nil {
			err = place(s.path(j), filepath.Join(dir, j.File))
		}
	}
	if err != nil {
		return fmt.Errorf("keep ledger: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	return nil
}

func (s *Saved) writeManifest(dir string) error {
	raw, err := s.encode()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, Manifest), raw, 0o644)
}

// place puts a file at another place too, by copying it where that lies on another
// file system.
func place(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
