package reports

import (
	"os"
	"path/filepath"
	"testing"
)

// A file of an editor or of a copy in progress is not ours, although its name begins like one.
func TestRemovePartialRemovesOnlyItsOwnFiles(t *testing.T) {
	dir := t.TempDir()
	for name, ours := range map[string]bool{
		".bench.txt.1234567": true, ".result.json.42": true,
		".bench.txt.swp": false, ".result.json.x1y2z3": false, "bench.txt": false, ".other.17": false,
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		RemovePartial(dir)
		if _, err := os.Stat(path); os.IsNotExist(err) != ours {
			t.Errorf("%s is removed: %v, want %v", name, !ours, ours)
		}
	}
}
