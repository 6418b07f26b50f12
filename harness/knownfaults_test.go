package harness_test

import (
	"go/ast"
	"path"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness/fault"
)

// TestEachFaultIsKnown asks the file of each fault to register it. Only known faults are in
// FAULTS.md, in random schedules and in the tests of all faults.
func TestEachFaultIsKnown(t *testing.T) {
	for _, s := range mustParse(t) {
		if dir, _ := path.Split(s.path); dir != "harness/fault/" || s.test || len(faultTypes(s.file)) == 0 {
			continue
		}
		registers := false
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name, ok := call.Fun.(*ast.Ident)
			registers = registers || ok && name.Name == "registerFault"
			return true
		})
		if !registers {
			t.Errorf("%s has a fault that is not known: write var _ = registerFault(Known{...}) in it, see harness/fault/known.go", s.path)
		}
	}
}

// TestKnownFaultsAreWhole asks each entry for what its row and a random schedule need.
func TestKnownFaultsAreWhole(t *testing.T) {
	for _, k := range fault.All() {
		name := k.Fault.Name()
		if len(name) > 40 || k.By == "" || !strings.HasSuffix(k.What, ".") {
			t.Errorf("%s: want a name of at most 40 characters, what makes it happen, and a sentence that says what happens", name)
		}
		if (k.Lasts == nil) == (k.LeftOut == "") {
			t.Errorf("%s: want how long it lasts in a random schedule, or why such a schedule leaves it out", name)
		}
	}
}
