package harness_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	link     = regexp.MustCompile(`\]\(([^)#: ]+)(?:#[^)]*)?\)`)

	// A path of ours is in lower case but for documents, has no spaces or globs, and
	// ends in a file's name or a slash.
	pathLike = regexp.MustCompile(`^[\w.-]*(?:/[\w.-]+)*(?:/|\.(?:go|md|txtar|json|txt|html|tmpl|sh))$`)
)

// TestDocumentsNameFilesThatExist looks for every file and folder that a document
// names in code or links to, from the document's folder, harness/ and the root.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	err := walkFiles(".md", func(doc string) error {
		text, err := os.ReadFile(filepath.Join(root, doc))
		if err != nil {
			return err
		}
		fenced := false
		for i, line := range strings.Split(string(text), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
			}
			if fenced {
				continue
			}
			for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
				if pathLike.MatchString(m[1]) && !isTemplate(m[1]) && !exists(m[1], path.Dir(doc), "harness", ".") {
					t.Errorf("%s:%d names %s: there is no such file", doc, i+1, m[1])
				}
			}
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if !exists(m[1], path.Dir(doc)) {
					t.Errorf("%s:%d links to %s: there is no such file", doc, i+1, m[1])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// writtenByRuns are files that a run leaves in its folder.
var writtenByRuns = []string{"profile.json", "ledger.json", "result.json", "bench.txt", "report.html"}

// isTemplate reports whether a path is one that a reader completes or a run writes.
func isTemplate(name string) bool {
	return strings.Contains(name, "NAME") || strings.HasPrefix(name, "out/") || strings.HasPrefix(name, "OUT") || slices.Contains(writtenByRuns, name)
}

func exists(name string, folders ...string) bool {
	for _, folder := range folders {
		if _, err := os.Stat(filepath.Join(root, folder, name)); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}
