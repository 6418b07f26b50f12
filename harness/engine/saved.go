package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// savedVersion is the version of a saved ledger: of its manifest, and with it of
// the journals and of the facts. A reader refuses any other.
const savedVersion = 1

// manifest is the file of a saved ledger that names the others.
const manifest = "ledger.json"

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
	Facts    oracle.Facts   `json:"facts"`

	Verdicts []harness.Verdict `json:"verdicts"` // Verdicts of the run itself; judged again they come out the same.

	dir string
}

// SavedJournal is one journal of a saved ledger.
type SavedJournal struct {
	File   string `json:"file"`
	Slots  int64  `json:"slots"`
	Torn   int64  `json:"torn,omitempty"`   // Torn is how many of them its writer had begun and not written when it was killed.
	Reaped int64  `json:"reaped_ns"`        // Reaped is when its writer ended, ns on CLOCK_MONOTONIC.
	Landed bool   `json:"landed,omitempty"` // Landed: it has the final read of the source.
	Copies bool   `json:"copies,omitempty"` // Copies: it has that of the side topics, and is replayed with the rest.
}

// OpenSaved reads the manifest of a ledger saved in dir and looks whether its
// journals are whole: what is missing at their ends breaks the assumption that
// the ledger is complete, so that nothing is judged by it.
func OpenSaved(dir string) (*Saved, error) {
	raw, err := os.ReadFile(filepath.Join(dir, manifest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no saved ledger in %s: a folder with %s is wanted, as a failing run leaves under OUT", dir, manifest)
	}
	if err != nil {
		return nil, fmt.Errorf("saved ledger: %w", err)
	}
	s := &Saved{dir: dir}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("saved ledger %s: %w", dir, err)
	}
	if s.Version != savedVersion {
		return nil, fmt.Errorf("saved ledger %s: it is of version %d, this build reads %d", dir, s.Version, savedVersion)
	}
	if s.Facts.Partitions < 0 || s.Facts.Partitions > 1<<20 {
		return nil, fmt.Errorf("saved ledger %s: %d partitions", dir, s.Facts.Partitions)
	}
	for _, j := range s.Journals {
		if err := s.whole(j); err != nil {
			return nil, fmt.Errorf("saved ledger %s: %w", dir, err)
		}
	}
	return s, nil
}

// whole compares a journal with what the manifest says of it.
func (s *Saved) whole(j SavedJournal) error {
	if filepath.Base(j.File) != j.File {
		return fmt.Errorf("journal %q lies outside the folder", j.File)
	}
	r, err := ledger.Open(s.path(j))
	if err != nil {
		return err
	}
	defer r.Close()
	switch {
	case r.Sealed() && r.Len() == j.Slots:
		return nil
	case r.Len() > j.Slots:
		return fmt.Errorf("journal %s: %d slots, the manifest says %d: %w", j.File, r.Len(), j.Slots, ledger.ErrCorrupt)
	}
	if s.Facts.Broken == nil {
		s.Facts.Broken = map[string]string{}
	}
	s.Facts.Broken[ledgerComplete] = fmt.Sprintf("the end of journal %s is torn off: %d of %d slots are missing", j.File, j.Slots-r.Len(), j.Slots)
	return nil
}

func (s *Saved) path(j SavedJournal) string { return filepath.Join(s.dir, j.File) }

// Judge judges the run by its ledger: see [Saved.look] and [Saved.settle].
func (s *Saved) Judge(observers ...oracle.Observer) (*oracle.Facts, []harness.Verdict, error) {
	f, found, err := s.look(observers...)
	if err != nil {
		return nil, nil, err
	}
	verdicts, err := s.settle(f, found)
	return f, verdicts, err
}

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
	if err := oracle.Name(verdicts, func(fn func(*ledger.Slot)) error {
		return s.landed(func(r *ledger.Reader) error { return r.Each(fn) })
	}); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(verdicts, func(v harness.Verdict) bool { return len(v.Examples) > 0 && v.Status != harness.Figure }) {
		return verdicts, nil
	}
	err := s.replay(func(stream *ledger.Stream) error { return oracle.Tell(f, stream, verdicts) })
	return verdicts, err
}

func (s *Saved) replay(fn func(*ledger.Stream) error) error {
	var files []ledger.File
	for _, j := range s.Journals {
		if !j.Landed {
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
		if j.Copies {
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
		if j.Landed {
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
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, manifest), raw, 0o644)
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
