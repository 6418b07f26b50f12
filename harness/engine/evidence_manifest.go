package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// savedVersion is the version of a saved ledger: of its manifest, its journals and its
// facts. Readers refuse every other version.
const savedVersion = 5

// Manifest is the file of a saved ledger that names all other files.
const Manifest = "ledger.json"

// signature ends a manifest: its last field is the digest of all before. The digest covers
// the text itself, so that it shows every change of the file.
func signature(body []byte) []byte {
	return fmt.Appendf(nil, ",\n  \"digest\": \"%x\"\n}\n", sha256.Sum256(body))
}

// encodeManifest is the manifest with its signature.
func (s *Saved) encodeManifest() ([]byte, error) {
	unsigned := *s
	unsigned.Digest = ""
	raw, err := json.MarshalIndent(&unsigned, "", "  ")
	if err != nil {
		return nil, err
	}
	body := bytes.TrimSuffix(raw, []byte("\n}"))
	return append(body, signature(body)...), nil
}

// decodeManifest reads a manifest of this version that is unchanged.
func decodeManifest(raw []byte) (*Saved, error) {
	const again = "the ledger is damaged; make the run again"
	var head struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("it was changed or cut short: %w: %s", err, again)
	}
	if head.Version == nil {
		return nil, errors.New("it has no version, so it is no manifest of a ledger")
	}
	if *head.Version != savedVersion {
		return nil, fmt.Errorf("it has version %d, this build reads only version %d: judge it with the build that made it, or make the run again", *head.Version, savedVersion)
	}
	n := max(0, len(raw)-len(signature(nil)))
	if !bytes.Equal(raw[n:], signature(raw[:n])) {
		return nil, errors.New("it was changed after the run: " + again)
	}
	s := new(Saved)
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return nil, err
	}
	oracle.DropRecordsOfPods(s.Verdicts)
	return s, s.checkManifest()
}

// readFile reads a regular file.
func readFile(path string) ([]byte, error) {
	f, err := ledger.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// openManifest reads the manifest of a ledger saved in dir.
func openManifest(dir string) (*Saved, error) {
	path := filepath.Join(dir, Manifest)
	raw, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("%s is %w", dir, ErrNoLedger)
	}
	if err != nil {
		return nil, fmt.Errorf("saved ledger: %w", err)
	}
	s, err := decodeManifest(raw)
	if err != nil {
		return nil, fmt.Errorf("saved ledger: %s: %w", path, err)
	}
	s.dir = dir
	return s, nil
}

// checkManifest checks that the facts are usable and the journals complete.
func (s *Saved) checkManifest() error {
	f := &s.Facts
	switch {
	case !slices.Contains([]harness.Delivery{"", harness.AtMostOnce, harness.AtLeastOnce, harness.ExactlyOnce}, f.Delivery):
		return fmt.Errorf("unknown delivery %q", f.Delivery)
	case !slices.Contains([]harness.Order{harness.OrderNone, harness.OrderKey, harness.OrderPartition}, f.Order) && (f.Order != "" || f.Delivery != ""):
		return fmt.Errorf("unknown order %q", f.Order)
	case !slices.Contains([]harness.Redelivery{"", harness.RedeliveryBounded, harness.RedeliveryAny}, f.Redelivery):
		return fmt.Errorf("unknown redelivery %q", f.Redelivery)
	case f.Partitions < 1 || f.Partitions > 1<<20 || f.Added < 0 || f.Added >= f.Partitions:
		return fmt.Errorf("%d partitions", f.Partitions)
	case len(f.Owners) == 0:
		return errors.New("it names no owners")
	case !slices.Contains([]harness.Status{harness.Pass, harness.Fail, harness.Overload, harness.Inconclusive}, s.Status):
		return fmt.Errorf("unknown status %q", s.Status)
	case len(s.Verdicts) == 0 || s.Verdicts[0].Check != oracle.CheckPodLiveness:
		return errors.New("it has no verdict on " + oracle.CheckPodLiveness)
	}
	return s.checkJournalNames()
}

// checkJournalNames checks that the manifest names each journal of the run once, and no other.
func (s *Saved) checkJournalNames() error {
	want := []string{sendsJournal, observedJournal, appendedJournal}
	if len(s.Facts.Sides) > 0 {
		want = append(want, copiesJournal)
	}
	for _, name := range s.Facts.Owners[1:] {
		if !slices.Contains(s.Unbegun, name) {
			want = append(want, name+".journal")
		}
	}
	for _, file := range want {
		n := 0
		for _, j := range s.Journals {
			if j.File == file {
				n++
			}
		}
		if n != 1 {
			return fmt.Errorf("it names %s %d times instead of once", file, n)
		}
	}
	for _, j := range s.Journals {
		if !slices.Contains(want, j.File) {
			return fmt.Errorf("it names %s, which is no journal of the run", j.File)
		}
		if j.Digest == "" {
			return fmt.Errorf("it has no digest of %s", j.File)
		}
	}
	return nil
}
