package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// ErrNoLedger is the error of [OpenSaved] for a folder without a saved ledger.
var ErrNoLedger = errors.New("no saved ledger")

// Saved is the ledger of a run: its journals in one folder, and all that the oracle needs
// to know in addition. The folder can be moved and judged again at any time.
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
	Unbegun  []string       `json:"unbegun,omitempty"` // Unbegun are the incarnations without a journal: they ended before they could create one.
	Facts    oracle.Facts   `json:"facts"`

	// The result of the run, as in [harness.Run]. The checks can be repeated from the
	// journals; the rest is taken from here.
	Status      harness.Status       `json:"status"`
	Reasons     []string             `json:"reasons,omitempty"`
	Expected    bool                 `json:"expected"`
	Assumptions []harness.Assumption `json:"assumptions"`
	Verdicts    []harness.Verdict    `json:"verdicts"` // Verdicts start with pod liveness, which no journal can show.
	// Objectives are not judged again: no journal has all metrics.
	Objectives []harness.ObjectiveResult `json:"objectives,omitempty"`

	Digest string `json:"digest,omitempty"` // Digest is the digest of all above, see signature.

	dir  string
	torn bool // torn: the end of a journal is missing
}

// SavedJournal is one journal of a saved ledger.
type SavedJournal struct {
	File   string `json:"file"`
	Slots  int64  `json:"slots"`
	Digest string `json:"digest"`         // Digest is [ledger.Reader.Digest].
	Torn   int64  `json:"torn,omitempty"` // Torn is how many slots were incomplete when the writer was killed.
	Reaped int64  `json:"reaped_ns"`      // Reaped is the end of its writer, ns on CLOCK_MONOTONIC.

	floors ledger.Floors // floors are nil in a ledger that was read again.
}

// OpenSaved reads the manifest of the ledger saved in dir and checks its journals. If the
// end of a journal is missing, the assumption [oracle.LedgerComplete] is broken, so that
// no check passes by it.
func OpenSaved(dir string) (*Saved, error) {
	s, err := openManifest(dir)
	if err != nil {
		return nil, err
	}
	for _, j := range s.Journals {
		if err := s.checkJournal(j); err != nil {
			return nil, s.damageError(err)
		}
	}
	return s, nil
}

// checkJournal compares a journal with the manifest. A journal that a kill or a full disk
// has cut short has no seal. A journal with another seal belongs to another run.
func (s *Saved) checkJournal(j SavedJournal) error {
	r, err := ledger.Open(s.journalPath(j))
	if err != nil {
		return err
	}
	defer r.Close()
	switch {
	case r.Sealed() && r.Digest() == j.Digest:
		return nil
	case r.Sealed():
		return fmt.Errorf("journal %s is not the journal of this run: %w", j.File, ledger.ErrCorrupt)
	case r.Len() > j.Slots:
		return fmt.Errorf("journal %s: %d slots, the manifest has %d: %w", j.File, r.Len(), j.Slots, ledger.ErrCorrupt)
	}
	if s.Facts.Broken == nil {
		s.Facts.Broken = map[string]string{}
	}
	s.torn = true
	s.Facts.Broken[oracle.LedgerComplete] = fmt.Sprintf("the end of journal %s is torn off: %d of %d slots are missing", j.File, j.Slots-r.Len(), j.Slots)
	return nil
}

// damageError is an error with what to do about a damaged ledger.
func (s *Saved) damageError(err error) error {
	err = fmt.Errorf("saved ledger %s: %w: the ledger is damaged; make a new run", s.dir, err)
	if s.Command != "" {
		err = fmt.Errorf("%w: %s", err, s.Command)
	}
	return err
}

// tornSlots is the number of torn slots in all journals.
func (s *Saved) tornSlots() (torn int64) {
	for _, j := range s.Journals {
		torn += j.Torn
	}
	return torn
}

func (s *Saved) journalPath(j SavedJournal) string { return filepath.Join(s.dir, j.File) }

// replayChecks replays the ledger for the checks and for observers, the final read first.
func (s *Saved) replayChecks(observers ...oracle.Observer) (f *oracle.Facts, found *oracle.Found, err error) {
	facts := s.Facts
	var stream *ledger.Stream
	var openErr error
	var opening sync.WaitGroup
	opening.Go(func() { stream, openErr = s.openStream() }) // it reads journals too
	facts.Log, err = s.readLog()
	opening.Wait()
	if openErr == nil {
		defer stream.Close()
	}
	if err = cmp.Or(err, openErr); err != nil {
		return nil, nil, err
	}
	found, err = oracle.Judge(&facts, stream, observers...)
	return &facts, found, err
}

// decideVerdicts makes the verdicts, by the assumptions in s.Facts as they are now. If a
// check has failed, it replays the ledger once more for the timelines of the anomalies.
// Checks that are not judged get timelines only then.
func (s *Saved) decideVerdicts(f *oracle.Facts, found *oracle.Found) ([]harness.Verdict, error) {
	verdicts := found.Settle(s.Facts.Broken)
	if err := oracle.NameRecords(verdicts, func(fn func(*ledger.Slot)) error {
		return s.readAppended(func(r *ledger.Reader) error { return r.Each(fn) })
	}); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(verdicts, func(v harness.Verdict) bool { return len(v.Examples) > 0 && v.Status != harness.NotJudged }) {
		return verdicts, nil
	}
	if err := s.readLines(f); err != nil {
		return nil, err
	}
	stream, err := s.openStream()
	if err != nil {
		return verdicts, err
	}
	defer stream.Close()
	return verdicts, oracle.AddTimelines(f, stream, verdicts)
}

// readLines adds to the facts what the consumer logged.
func (s *Saved) readLines(f *oracle.Facts) error {
	for _, j := range s.Journals {
		if !slices.Contains(f.Owners[1:], strings.TrimSuffix(j.File, ".journal")) {
			continue
		}
		lines, err := ledger.ReadLines(s.journalPath(j), s.Epoch)
		if err != nil {
			return err
		}
		f.Lines = append(f.Lines, lines...)
	}
	return nil
}

// openStream opens all journals but that of the final read. The stream must be closed.
func (s *Saved) openStream() (*ledger.Stream, error) {
	var files []ledger.File
	for _, j := range s.Journals {
		if j.File != appendedJournal {
			files = append(files, ledger.File{Path: s.journalPath(j), Reaped: j.Reaped, Floors: j.floors})
		}
	}
	return ledger.NewStream(s.Epoch, files...)
}

// readLog builds the log of the oracle from the final read. Copies come first: the source
// then tells where each copy comes from.
func (s *Saved) readLog() (*oracle.Log, error) {
	log := oracle.NewLog()
	if s.Facts.Added > 0 {
		log.MoveKeys()
	}
	add := func(r *ledger.Reader) error { return r.Blocks(log.AddAll) }
	for _, j := range s.Journals {
		if j.File == copiesJournal {
			if err := readJournal(s.journalPath(j), add); err != nil {
				return nil, err
			}
		}
	}
	return log, s.readAppended(add)
}

// readAppended calls fn with the final read of the source.
func (s *Saved) readAppended(fn func(*ledger.Reader) error) error {
	for _, j := range s.Journals {
		if j.File == appendedJournal {
			if err := readJournal(s.journalPath(j), fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// readJournal opens a journal for fn.
func readJournal(path string, fn func(*ledger.Reader) error) error {
	reader, err := ledger.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(fn(reader), reader.Close())
}

// saveTo saves the ledger in a folder, in place of the ledger of an earlier run. It
// removes nothing that is no ledger. After an error the folder is as before. The journals
// stay where they are in any case.
func (s *Saved) saveTo(dir string) error {
	if err := s.fillFolder(dir); err != nil {
		return fmt.Errorf("keep ledger: %w", err)
	}
	return nil
}

// fillFolder makes the folder under another name, and renames it when it is complete.
func (s *Saved) fillFolder(dir string) (err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	partial, err := os.MkdirTemp(filepath.Dir(dir), partialPrefix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(partial))
		}
	}()
	for _, j := range s.Journals {
		if err := linkOrCopy(s.journalPath(j), filepath.Join(partial, j.File)); err != nil {
			return err
		}
	}
	// The manifest comes last: what a kill leaves behind before is in no list of ledgers.
	if err := errors.Join(os.Chmod(partial, 0o755), s.writeManifest(partial)); err != nil {
		return err
	}
	if err := removeLedger(dir); err != nil {
		return err
	}
	return os.Rename(partial, dir)
}

// partialPrefix begins the name of the folder of a ledger while it is saved.
const partialPrefix = ".partial-"

// RemovePartial removes the ledgers in a folder that a process which was killed while it
// saved them has left. No other process may save one there now.
func RemovePartial(in string) {
	folders, err := os.ReadDir(in)
	if err != nil {
		return // there is nothing
	}
	for _, f := range folders {
		if strings.HasPrefix(f.Name(), partialPrefix) {
			_ = removeLedger(filepath.Join(in, f.Name())) // it refuses what is no ledger
		}
	}
}

// removeLedger removes the folder of a ledger, if it exists. It refuses a folder with any
// other content.
func removeLedger(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder of a ledger: move it away", dir)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !f.Type().IsRegular() || f.Name() != Manifest && filepath.Ext(f.Name()) != ".journal" {
			return fmt.Errorf("%s has %s, which is no part of a ledger: move it away", dir, f.Name())
		}
	}
	for _, f := range files {
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
			return err
		}
	}
	return os.Remove(dir)
}

func (s *Saved) writeManifest(dir string) error {
	raw, err := s.encodeManifest()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, Manifest), raw, 0o644)
}

// linkOrCopy links a file to a second path, or copies it to another file system.
func linkOrCopy(from, to string) error {
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
