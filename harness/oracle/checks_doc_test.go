package oracle

import (
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const docPath = "CHECKS.md"

// TestChecksDoc holds the generated parts of CHECKS.md to the entries and definitions of the checks.
// STAMPEDE_UPDATE=1 writes them. All else in the file is written by hand.
func TestChecksDoc(t *testing.T) {
	was, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	want := string(was)
	for name, part := range map[string]string{"table": checksTable(), "definitions": checkDefinitions(t)} {
		want = replacePart(t, want, name, part)
	}
	if string(was) == want {
		return
	}
	if os.Getenv("STAMPEDE_UPDATE") != "1" {
		t.Fatalf("%s is not what the checks say: STAMPEDE_UPDATE=1 go test -run TestChecksDoc ./harness/oracle", docPath)
	}
	if err := os.WriteFile(docPath, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// replacePart replaces what is between the markers of a generated part.
func replacePart(t *testing.T, page, name, part string) string {
	t.Helper()
	begin, end := "<!-- generated: "+name+" -->\n", "<!-- end of "+name+" -->\n"
	before, rest, found := strings.Cut(page, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no markers for %q", docPath, name)
	}
	return before + begin + part + end + after
}

func checksTable() string {
	var b strings.Builder
	b.WriteString("| check | what it finds | held to it | with `-direct` |\n|---|---|---|---|\n")
	for _, e := range entries() {
		seen := e.direct
		if seen == "" {
			seen = "seen"
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", e.name, anchorOf(e.name), e.finds, e.claim, seen)
	}
	return b.String()
}

func checkDefinitions(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	constants := checkConstants(t)
	for _, e := range entries() {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", e.name, definition(constants[e.name], constants))
		needs := "none"
		if len(e.needs) > 0 {
			needs = strings.Join(e.needs, ", ")
		}
		fmt.Fprintf(&b, "*Assumptions*: %s. *File*: [%s](%[2]s).\n", needs, fileOf(e.name))
	}
	return b.String() + "\n"
}

func anchorOf(name string) string { return strings.ReplaceAll(name, " ", "-") }
func fileOf(name string) string   { return "check_" + strings.ReplaceAll(name, " ", "_") + ".go" }

// checkConstant is the constant of a check, with its definition.
type checkConstant struct {
	name, definition string
}

// checkConstants are the constants in the files of the checks, by the check's name.
func checkConstants(t *testing.T) map[string]checkConstant {
	t.Helper()
	files, err := filepath.Glob("check_*.go")
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]checkConstant{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				if name := v.Names[0].Name; strings.HasPrefix(name, "Check") {
					check, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
					if err != nil || fileOf(check) != path {
						t.Errorf("%s defines the check %q, which belongs in %s", path, check, fileOf(check))
					}
					constants[check] = checkConstant{name, g.Doc.Text()}
				}
			}
		}
	}
	return constants
}

var docLink = regexp.MustCompile(`\[([\w.]+)\]`)

// definition is a constant's doc comment as Markdown, with links to the checks that it names.
func definition(c checkConstant, constants map[string]checkConstant) string {
	text := "The check " + strings.TrimPrefix(c.definition, c.name+" ")
	var parser comment.Parser
	var printer comment.Printer
	page := string(printer.Markdown(parser.Parse(text)))
	page = strings.NewReplacer(`\[`, "[", `\]`, "]", "\n  - ", "\n- ").Replace(page)
	page = docLink.ReplaceAllStringFunc(page, func(link string) string {
		name := strings.Trim(link, "[]")
		for check, of := range constants {
			if of.name == name {
				return fmt.Sprintf("[%s](#%s)", check, anchorOf(check))
			}
		}
		return "`" + name + "`"
	})
	return wrapLines(page, 140)
}

// wrapLines breaks the lines of a page at a width. Lines of a list go on below its text.
func wrapLines(page string, width int) string {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimRight(page, "\n"), "\n") {
		indent := strings.Repeat(" ", len(line)-len(strings.TrimLeft(line, " -")))
		column := 0
		for i, word := range strings.Split(line, " ") {
			switch {
			case i == 0:
			case column+1+len(word) > width:
				b.WriteString("\n" + indent)
				column = len(indent)
			default:
				b.WriteString(" ")
				column++
			}
			b.WriteString(word)
			column += len(word)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestEntriesAreWhole holds each entry to what the documents need, and each file of a check to its entry.
func TestEntriesAreWhole(t *testing.T) {
	constants := checkConstants(t)
	for _, e := range entries() {
		c, ok := constants[e.name]
		if !ok {
			t.Errorf("%s does not define the check %q", fileOf(e.name), e.name)
		}
		if !strings.HasPrefix(c.definition, c.name+" ") || e.finds == "" || e.claim == "" {
			t.Errorf("the check %q has no definition, or its entry does not say what it finds and which consumers it holds to it", e.name)
		}
		if judged := e.newCheck != nil || e.verdict != nil; judged != (e.name != CheckPodLiveness) || e.newCheck != nil && e.verdict != nil {
			t.Errorf("the check %q wants either newCheck or verdict", e.name)
		}
	}
	if len(constants) != len(entries()) {
		t.Errorf("%d checks are defined, %d are registered", len(constants), len(entries()))
	}
}

// TestFindCheckNamesTheNearest holds the error for an unknown check to a proposal.
func TestFindCheckNamesTheNearest(t *testing.T) {
	for _, name := range Checks() {
		if err := FindCheck(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for unknown, nearest := range map[string]string{"los": "loss", "starvtion": "starvation", "key inversoin": "key inversion", "unfenced": "unfenced work"} {
		if err := FindCheck(unknown); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("did you mean %q", nearest)) {
			t.Errorf("%s: %v, want it to propose %q", unknown, err, nearest)
		}
	}
}

// TestRegisterRefusesWhatIsTaken holds registration to names and gravities of their own.
func TestRegisterRefusesWhatIsTaken(t *testing.T) {
	before := slices.Clone(registered)
	defer func() { registered = before }()
	for what, e := range map[string]entry{
		"name":    {name: CheckLoss, gravity: -1},
		"gravity": {name: "a check of its own", gravity: recordsLost},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a second check with the same %s was registered", what)
				}
			}()
			register(e)
		}()
	}
}
