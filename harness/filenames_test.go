package harness_test

import (
	"go/ast"
	"path"
	"strconv"
	"strings"
	"testing"
)

// TestAFileIsNamedByWhatItRegisters holds the files of consumers, scenarios, mutants and
// faults to the names in them, so that each is found by its name.
func TestAFileIsNamedByWhatItRegisters(t *testing.T) {
	found := map[string]int{}
	for _, s := range mustParse(t) {
		dir, file := path.Split(s.path)
		var names []string
		switch {
		case s.test:
		case dir == "consumers/" || dir == "scenarios/":
			names = registeredNames(s.file)
		case dir == "consumers/mutants/":
			for _, name := range registeredNames(s.file) {
				names = append(names, strings.ReplaceAll(strings.TrimPrefix(name, "mutant-"), "-", "_"))
			}
		case dir == "harness/fault/":
			names = faultTypes(s.file)
		}
		for _, name := range names {
			if found[dir]++; name+".go" != file {
				t.Errorf("%s registers %s: name the file %s.go", s.path, name, name)
			}
		}
	}
	for _, dir := range []string{"consumers/", "scenarios/", "consumers/mutants/", "harness/fault/"} {
		if found[dir] < 5 {
			t.Errorf("only %d names are found in %s", found[dir], dir)
		}
	}
}

// registeredNames are the names that are written in a registration of a package variable.
func registeredNames(f *ast.File) (names []string) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		ast.Inspect(g, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			callee, ok := call.Fun.(*ast.SelectorExpr)
			entry, literal := call.Args[0].(*ast.CompositeLit)
			if !ok || !literal || !strings.HasPrefix(callee.Sel.Name, "Register") {
				return true
			}
			names = append(names, nameFields(entry)...)
			return false
		})
	}
	return names
}

// nameFields are the values of the field Name of a literal.
func nameFields(entry *ast.CompositeLit) (names []string) {
	for _, e := range entry.Elts {
		field, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, isName := field.Key.(*ast.Ident)
		value, isText := field.Value.(*ast.BasicLit)
		if isName && key.Name == "Name" && isText {
			if name, err := strconv.Unquote(value.Value); err == nil {
				names = append(names, name)
			}
		}
	}
	return names
}

// faultTypes are the types with a method Inject, in small letters.
func faultTypes(f *ast.File) (names []string) {
	for _, d := range f.Decls {
		m, ok := d.(*ast.FuncDecl)
		if !ok || m.Recv == nil || m.Name.Name != "Inject" {
			continue
		}
		receiver := m.Recv.List[0].Type
		if star, ok := receiver.(*ast.StarExpr); ok {
			receiver = star.X
		}
		names = append(names, strings.ToLower(receiver.(*ast.Ident).Name))
	}
	return names
}
