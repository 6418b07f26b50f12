package stampede

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// TestReadmeListsWhatIsRegistered compares the tables of README.md with the
// registries. STAMPEDE_UPDATE=1 writes them.
func TestReadmeListsWhatIsRegistered(t *testing.T) {
	was, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(was)
	text = replaceTable(t, text, "scenarios", scenarioTable(false))
	text = replaceTable(t, text, "extra scenarios", scenarioTable(true))
	text = replaceTable(t, text, "consumers", consumerTable())
	updatePage(t, "README.md", string(was), text)
}

// updatePage compares a page with what it must be, and writes it under STAMPEDE_UPDATE.
func updatePage(t *testing.T, path, was, text string) {
	t.Helper()
	if text == was {
		return
	}
	if os.Getenv("STAMPEDE_UPDATE") == "1" {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s differs from the registrations: STAMPEDE_UPDATE=1 go test -run '%s' .", path, t.Name())
}

// replaceTable puts a table between its two markers.
func replaceTable(t *testing.T, text, name, table string) string {
	t.Helper()
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
	before, rest, ok := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("the page has no %q and %q", strings.TrimSpace(begin), end)
	}
	return before + begin + table + end + after
}

func scenarioTable(extra bool) string {
	var b strings.Builder
	b.WriteString("\n| scenario | question |\n|---|---|\n")
	for _, s := range harness.Scenarios() {
		if s.Extra == extra {
			fmt.Fprintf(&b, "| %s | %s |\n", s.Name, summary(s.Doc))
		}
	}
	return b.String() + "\n"
}

// consumerTable lists the consumers, controls last.
func consumerTable() string {
	var honest, controls strings.Builder
	for _, i := range harness.Implementations() {
		switch {
		case i.Mutant:
		case i.Control():
			fmt.Fprintf(&controls, "| %s | %s | %s |\n", i.Name, expectations(i), summary(i.Doc))
		default:
			fmt.Fprintf(&honest, "| %s | %s | %s |\n", i.Name, harness.DescribeClaims(i.Delivery, i.Redelivery, i.Order), summary(i.Doc))
		}
	}
	return "\n| consumer | claims | design |\n|---|---|---|\n" + honest.String() + controls.String() + "\n"
}

func expectations(i *harness.Implementation) string {
	var all []string
	for _, e := range i.MustFail {
		all = append(all, e.Scenario+" by "+e.Check)
	}
	return "control: must fail " + strings.Join(all, "; ")
}

// minSummary is the length of a summary that needs no further sentence.
const minSummary = 40

// summary returns the first sentences of a text that say enough.
func summary(doc string) string {
	for end := 0; end < len(doc); end++ {
		ends := doc[end] == '.' || doc[end] == '?'
		if ends && end >= minSummary && (end+1 == len(doc) || doc[end+1] == ' ') {
			return doc[:end+1]
		}
	}
	return doc
}
