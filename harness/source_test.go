package harness_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// root is the module's folder, seen from this package.
const root = ".."

// source is one parsed Go file.
type source struct {
	path string // path is relative to the module's folder.
	test bool
	set  *token.FileSet
	file *ast.File
}

func (s *source) line(p token.Pos) int { return s.set.Position(p).Line }

// goSources parses every Go file of the module once.
var goSources = sync.OnceValues(func() (all []*source, err error) {
	err = walkFiles(".go", func(path string) error {
		s := &source{path: path, test: strings.HasSuffix(path, "_test.go"), set: token.NewFileSet()}
		if s.file, err = parser.ParseFile(s.set, filepath.Join(root, path), nil, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			return err
		}
		all = append(all, s)
		return nil
	})
	return all, err
})

func mustParse(t *testing.T) []*source {
	t.Helper()
	all, err := goSources()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("the module has %d Go files: want hundreds", len(all))
	}
	return all
}

// walkFiles calls fn with the path of each file that ends in suffix, but not for
// files in hidden folders and in folders named testdata or out.
func walkFiles(suffix string, fn func(path string) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); path != root && (n == "testdata" || n == "out" || strings.HasPrefix(n, ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, suffix) {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(rel))
	})
}

// passage is a text for readers: a comment, a string, a paragraph.
type passage struct {
	path string
	line int    // line is the first line of text.
	text string // text keeps the line breaks of the file.
	doc  bool   // doc says that readers see it as prose: Markdown, a doc comment of an exported name, a registered text.
}

func (p passage) lineAt(offset int) int { return p.line + strings.Count(p.text[:offset], "\n") }

// readPassages returns the comments, strings and test names of all Go files, the
// paragraphs of all Markdown files, the morals of the histories, and the help of
// the Makefile.
func readPassages(t *testing.T) (all []passage) {
	t.Helper()
	for _, s := range mustParse(t) {
		all = append(all, commentsOf(s)...)
		all = append(all, literalsOf(s)...)
		all = append(all, namesOf(s)...)
	}
	err := walkFiles(".md", func(path string) error {
		text, err := os.ReadFile(filepath.Join(root, path))
		all = append(all, paragraphsOf(path, string(text))...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	histories, err := filepath.Glob(filepath.Join(root, "testdata/oracle/*.txtar"))
	if err != nil || len(histories) == 0 {
		t.Fatalf("no histories: %v", err)
	}
	for _, path := range histories {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		moral, _, _ := strings.Cut(string(text), "\n-- ")
		all = append(all, passage{path: "testdata/oracle/" + filepath.Base(path), line: 1, text: moral, doc: true})
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(makefile), "\n") {
		if strings.Contains(line, "##") || strings.Contains(line, "@echo") || strings.HasPrefix(line, "#") {
			all = append(all, passage{path: "Makefile", line: i + 1, text: line})
		}
	}
	return all
}

// commentsOf returns the comment groups of a file without their slashes.
func commentsOf(s *source) (all []passage) {
	exported := exportedDocs(s.file)
	for _, g := range s.file.Comments {
		var lines []string
		for _, c := range g.List {
			text := c.Text
			if strings.HasPrefix(text, "//go:") || strings.HasPrefix(text, "//nolint") || strings.HasPrefix(text, "//lint") {
				text = ""
			}
			lines = append(lines, strings.Trim(text, "/* \t"))
		}
		all = append(all, passage{s.path, s.line(g.Pos()), stripCode(strings.Join(lines, "\n")), exported[g] && !s.test})
	}
	return all
}

// exportedDocs returns the doc comments of a file's exported names and of its package.
func exportedDocs(f *ast.File) map[*ast.CommentGroup]bool {
	docs := map[*ast.CommentGroup]bool{f.Doc: true}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			docs[d.Doc] = d.Name.IsExported()
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.IsExported() {
						docs[d.Doc], docs[spec.Doc] = true, true
					}
				case *ast.ValueSpec:
					if spec.Names[0].IsExported() {
						docs[d.Doc], docs[spec.Doc] = true, true
					}
				}
			}
		}
	}
	return docs
}

// registered are the fields of registrations whose texts are documentation.
var registered = []string{"Doc", "Use", "Bound", "Crash", "Why", "Help", "finds", "claim"}

// literalsOf returns the strings of a file that is no test, without imports and tags.
func literalsOf(s *source) (all []passage) {
	if s.test {
		return nil
	}
	prose := map[*ast.BasicLit]bool{}
	ast.Inspect(s.file, func(n ast.Node) bool {
		kv, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if key, ok := kv.Key.(*ast.Ident); ok && slices.Contains(registered, key.Name) {
			ast.Inspect(kv.Value, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok {
					prose[lit] = true
				}
				return true
			})
		}
		return true
	})
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			n.Tag = nil
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				text, _ := strconv.Unquote(n.Value)
				all = append(all, passage{s.path, s.line(n.Pos()), stripCode(text), prose[n]})
			}
		}
		return true
	})
	return all
}

// namesOf returns the words of the names that a file declares: of its tests in a
// test, else of its functions, types, fields, constants and variables.
func namesOf(s *source) (all []passage) {
	add := func(name *ast.Ident) {
		all = append(all, passage{path: s.path, line: s.line(name.Pos()), text: splitName(name.Name)})
	}
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && (!s.test || strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
			add(f.Name)
		}
		g, ok := d.(*ast.GenDecl)
		if !ok || s.test {
			continue
		}
		for _, spec := range g.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				add(spec.Name)
				if st, ok := spec.Type.(*ast.StructType); ok {
					for _, f := range st.Fields.List {
						for _, name := range f.Names {
							add(name)
						}
					}
				}
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					add(name)
				}
			}
		}
	}
	return all
}

// splitName separates the words of a Go name: leaseHeld is "lease held".
func splitName(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// paragraphsOf returns the paragraphs, list items and table cells of a Markdown
// text. Code is left out.
func paragraphsOf(path, text string) (all []passage) {
	var lines []string
	first, fenced := 0, false
	flush := func() {
		if len(lines) > 0 {
			all = append(all, passage{path, first, stripCode(strings.Join(lines, "\n")), true})
		}
		lines = nil
	}
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "```"):
			flush()
			fenced = !fenced
			continue
		case fenced || trimmed == "" || strings.HasPrefix(trimmed, "<!--"):
			flush()
			continue
		case strings.HasPrefix(trimmed, "|"):
			flush()
			for _, cell := range strings.Split(stripCode(trimmed), "|") {
				all = append(all, passage{path, i + 1, strings.TrimSpace(cell), true})
			}
			continue
		case strings.HasPrefix(trimmed, "- ") || strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, "* ") || orderedItem(trimmed):
			flush()
		}
		if len(lines) == 0 {
			first = i + 1
		}
		lines = append(lines, line)
	}
	flush()
	return all
}

func orderedItem(line string) bool {
	digits := strings.TrimLeft(line, "0123456789")
	return digits != line && strings.HasPrefix(digits, ". ")
}

// stripCode puts one word in the place of each span of code.
func stripCode(text string) string {
	parts := strings.Split(text, "`")
	if len(parts)%2 == 0 {
		return text // a backtick that is no pair
	}
	for i := 1; i < len(parts); i += 2 {
		parts[i] = "CODE" + strings.Repeat("\n", strings.Count(parts[i], "\n"))
	}
	return strings.Join(parts, "")
}
