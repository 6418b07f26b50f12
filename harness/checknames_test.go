package harness_test

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// otherMeanings are strings that equal the name of a check and mean something
// else, by file.
var otherMeanings = map[string][]string{
	"harness/verdict.go": {"overload"}, // the status of a run
}

// TestChecksAreNamedByConstants forbids strings that repeat the name of a check:
// such a string would stay behind when the check gets another name.
func TestChecksAreNamedByConstants(t *testing.T) {
	constants := map[string]string{}
	for _, s := range mustParse(t) {
		if strings.HasPrefix(s.path, "harness/oracle/") && !s.test {
			for name, check := range checkConstants(s.file) {
				constants[check] = name
			}
		}
	}
	if len(constants) == 0 {
		t.Fatal("the oracle has no constants Check...")
	}
	for _, s := range mustParse(t) {
		if s.test {
			continue
		}
		declared := checkConstants(s.file)
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GenDecl:
				return n.Tok != token.CONST || len(declared) == 0 || !strings.HasPrefix(s.path, "harness/oracle/")
			case *ast.BasicLit:
				text, err := strconv.Unquote(n.Value)
				if name := constants[text]; n.Kind == token.STRING && err == nil && name != "" && !hasOtherMeaning(s.path, text) {
					t.Errorf("%s:%d: %q is the name of a check: write oracle.%s", s.path, s.line(n.Pos()), text, name)
				}
			}
			return true
		})
	}
}

func hasOtherMeaning(path, text string) bool {
	for _, other := range otherMeanings[path] {
		if other == text {
			return true
		}
	}
	return false
}

// checkConstants returns the checks that constants Check... of a file name.
func checkConstants(f *ast.File) map[string]string {
	found := map[string]string{}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			for i, name := range v.Names {
				if !strings.HasPrefix(name.Name, "Check") || i >= len(v.Values) {
					continue
				}
				if lit, ok := v.Values[i].(*ast.BasicLit); ok {
					text, _ := strconv.Unquote(lit.Value)
					found[name.Name] = text
				}
			}
		}
	}
	return found
}
