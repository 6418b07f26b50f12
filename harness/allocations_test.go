package harness_test

import (
	"go/ast"
	"path"
	"testing"
)

// Code allocates more under the race detector, and only internal/allocs skips there.
func TestAllocationsAreCountedByOnePackage(t *testing.T) {
	for _, s := range mustParse(t) {
		if path.Dir(s.path) == "internal/allocs" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if call, ok := n.(*ast.SelectorExpr); ok && call.Sel.Name == "AllocsPerRun" {
				t.Errorf("%s:%d: call allocs.PerRun in place of testing.AllocsPerRun, which counts too many under -race", s.path, s.line(n.Pos()))
			}
			return true
		})
	}
}
